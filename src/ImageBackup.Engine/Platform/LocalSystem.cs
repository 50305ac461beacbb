using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;

namespace ImageBackup.Engine.Platform;

/// <summary>What tells this computer, and this run of it, from others.</summary>
internal static class LocalSystem
{
    private const int MostBytes = 4096;

    /// <summary>When it started, by the clock of now. Time that it slept may be missing: then it looks younger than it is.</summary>
    public static DateTimeOffset StartTime => DateTimeOffset.Now - TimeSpan.FromSeconds(UptimeSeconds);

    /// <summary>The number that hostid(1) gives if it was set; null: it was not.</summary>
    public static uint? HostId
    {
        get
        {
            if (Read("/etc/hostid") is { Length: 4 } bytes)
                return (uint)(bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24);
            return uint.TryParse(Text("/sys/module/spl/parameters/spl_hostid"), NumberStyles.None, CultureInfo.InvariantCulture, out uint id) && id != 0 ? id : null;
        }
    }

    /// <summary>Ids that programs may call it by: the machine id.</summary>
    public static IReadOnlyList<string> Ids => Text("/etc/machine-id") is { Length: > 0 } id ? [id] : [];

    private static double UptimeSeconds =>
        double.TryParse(Text("/proc/uptime").Split(' ')[0], NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds)
            ? seconds
            : Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;

    private static string Text(string path) => Read(path) is { } bytes ? System.Text.Encoding.ASCII.GetString(bytes).Trim() : "";

    /// <summary>Null if there is no such file, as on Windows.</summary>
    private static byte[]? Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            byte[] buffer = new byte[MostBytes];
            int count = stream.Read(buffer, 0, buffer.Length);
            Array.Resize(ref buffer, count);
            return buffer;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
