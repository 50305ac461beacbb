using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>Where the kernel's views are mounted. Tests lay their own trees.</summary>
internal sealed record LinuxRoots
{
    private const int MaxFileBytes = 64 << 20;

    public string Sys { get; init; } = "/sys";
    public string Proc { get; init; } = "/proc";
    public string Dev { get; init; } = "/dev";
    public string Run { get; init; } = "/run";

    /// <summary>A whole file as text, without the last newline; null if it is not there or may not be read. Bounded.</summary>
    public static string? TryReadText(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var text = new MemoryStream();
            byte[] buffer = new byte[4096];
            // /proc and /sys tell no length.
            for (int count; (count = stream.Read(buffer, 0, buffer.Length)) > 0 && text.Length < MaxFileBytes;)
                text.Write(buffer, 0, count);
            return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length).TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static long? TryReadNumber(string path) =>
        long.TryParse(TryReadText(path), out long value) && value >= 0 ? value : null;

    /// <summary>The names in a directory, sorted; none if it is not there.</summary>
    public static IReadOnlyList<string> Names(string directory)
    {
        try
        {
            var names = new List<string>();
            foreach (string path in Directory.EnumerateFileSystemEntries(directory))
                names.Add(Path.GetFileName(path));
            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
