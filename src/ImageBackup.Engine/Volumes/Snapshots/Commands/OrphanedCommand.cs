using System;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux;

namespace ImageBackup.Engine.Volumes.Snapshots.Commands;

/// <summary>
/// A command of a killed run that goes on without it. It is known by the snapshot's id in its environment. A daemon that it
/// started, in a session of its own, is part of what it made and does not count. Layouts: proc_pid_environ(5), proc_pid_stat(5).
/// </summary>
internal static class OrphanedCommand
{
    private const string Proc = "/proc";
    // After the program's name, which may hold anything: state, parent, group, session.
    private const int SessionField = 3;

    /// <summary>The session that this process's commands run in; null where it cannot be told.</summary>
    public static string? Session => SessionOf("self");

    /// <summary>The number of its process; null where there is none, or only such as have had their time.</summary>
    /// <param name="variable">What the environment holds: NAME=value.</param>
    /// <param name="session">The killed run's <see cref="Session"/>.</param>
    /// <param name="limit">The longest that a command may take.</param>
    public static int? Find(string variable, string session, TimeSpan limit)
    {
        foreach (string name in LinuxRoots.Names(Proc))
        {
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || SessionOf(name) != session)
                continue;
            string environment = LinuxRoots.TryReadText(Path.Combine(Proc, name, "environ")) ?? "";
            if (environment.Split('\0').Contains(variable) && AgeOf(id) < limit)
                return id;
        }
        return null;
    }

    private static string? SessionOf(string process)
    {
        string stat = LinuxRoots.TryReadText(Path.Combine(Proc, process, "stat")) ?? "";
        string[] fields = stat.Substring(stat.LastIndexOf(')') + 1).Trim().Split(' ');
        return fields.Length > SessionField ? fields[SessionField] : null;
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
