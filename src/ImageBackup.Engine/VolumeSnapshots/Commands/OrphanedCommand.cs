using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.VolumeSnapshots.Commands;

/// <summary>
/// A command of a killed run that goes on without it. It is known by the snapshot's id in its environment. A daemon that it
/// started, in a session of its own, is part of what it made and does not count.
/// </summary>
internal static class OrphanedCommand
{
    public const string IdVariable = "IMAGEBACKUP_ID", SessionKey = "session", LimitKey = "limitSeconds";

    /// <summary>The session that this process's commands run in; null if it cannot be told.</summary>
    public static string? Session => LinuxProcess.Current?.SessionId.ToString(CultureInfo.InvariantCulture);

    /// <summary>The number of its process; null if there is none, or only such as have had their time.</summary>
    /// <param name="variable">What the environment holds: NAME=value.</param>
    /// <param name="session">The killed run's <see cref="Session"/>.</param>
    /// <param name="limit">The longest that a command may take.</param>
    public static int? Find(string variable, string session, TimeSpan limit)
    {
        foreach (LinuxProcess process in LinuxProcess.All())
        {
            if (process.SessionId.ToString(CultureInfo.InvariantCulture) == session && process.HasVariable(variable) && AgeOf(process.Id) < limit)
                return process.Id;
        }
        return null;
    }

    /// <summary>
    /// The process of a record's command that goes on without its run; null if there is none. To undo what is still being done
    /// would leave what it does next.
    /// </summary>
    /// <param name="values">The record's, with <see cref="SessionKey"/> and <see cref="LimitKey"/>.</param>
    /// <param name="id">What the command finds as <see cref="IdVariable"/>.</param>
    public static int? Of(IReadOnlyDictionary<string, string> values, string id) =>
        values.Find(SessionKey) is { } session
        && double.TryParse(values.Find(LimitKey), NumberStyles.Float, CultureInfo.InvariantCulture, out double limitSeconds)
        && limitSeconds is > 0 and < int.MaxValue
            ? Find($"{IdVariable}={id}", session, TimeSpan.FromSeconds(limitSeconds))
            : null;

    private static TimeSpan AgeOf(int processId)
    {
        try
        {
            using Process process = Process.GetProcessById(processId);
            return DateTime.UtcNow - process.StartTime.ToUniversalTime();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // It ended just now.
            return TimeSpan.MaxValue;
        }
    }
}
