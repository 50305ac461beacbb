using System;
using System.Diagnostics;
using System.IO;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>Whether a process of this machine lives.</summary>
internal static partial class RunningProcess
{
    public static int CurrentId { get; } = GetCurrentId();

    /// <summary>A clock that was put right, and the rounding of a process's start, in seconds.</summary>
    private const int ClockSlackSeconds = 120;

    /// <summary>
    /// Whether the process that had the number at that time lives. Numbers come again, after a restart of the machine soon:
    /// a process that began later is another one.
    /// </summary>
    public static bool ExistedAt(int processId, DateTimeOffset time)
    {
        if (!Exists(processId))
            return false;
        try
        {
            using Process process = Process.GetProcessById(processId);
            return process.StartTime.ToUniversalTime() <= time.UtcDateTime.AddSeconds(ClockSlackSeconds);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception or NotSupportedException)
        {
            // It ended just now, or does not tell us when it began.
            return Exists(processId);
        }
    }

    public static bool Exists(int processId)
    {
        if (processId <= 0)
            return false;
        try
        {
            using Process process = Process.GetProcessById(processId);
            return !process.HasExited && !IsZombie(processId);
        }
        catch (ArgumentException)
        {
            return false;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // It is there; we may not look at it.
            return true;
        }
    }

    /// <summary>Killed and not yet taken notice of by its parent: it does nothing any more. State Z or X in proc(5), stat.</summary>
    private static bool IsZombie(int processId)
    {
        try
        {
            string path = $"/proc/{processId}/stat";
            if (!File.Exists(path))
                return false;
            string stat = File.ReadAllText(path);
            // The program's name before it may hold anything, a parenthesis too.
            int state = stat.LastIndexOf(')') + 2;
            return state > 1 && state < stat.Length && (stat[state] is 'Z' or 'X');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
