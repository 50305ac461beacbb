using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Volumes.Snapshots.Commands;

/// <summary>
/// A command of a killed run that goes on without it. It is known by the snapshot's id in its environment. A daemon that it
/// started, in a session of its own, is part of what it made and does not count.
/// </summary>
internal static class OrphanedCommand
{
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
