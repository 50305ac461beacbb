using System;
using System.Diagnostics;

namespace ImageBackup.Engine.Compat;

/// <summary>Whether a process of this machine lives.</summary>
internal static class RunningProcess
{
    public static int CurrentId { get; } = GetCurrentId();

    public static bool Exists(int processId)
    {
        if (processId <= 0)
            return false;
        try
        {
            using Process process = Process.GetProcessById(processId);
            return !process.HasExited;
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

#if NET
    private static int GetCurrentId() => Environment.ProcessId;
#else
    private static int GetCurrentId()
    {
        using Process current = Process.GetCurrentProcess();
        return current.Id;
    }
#endif
}
