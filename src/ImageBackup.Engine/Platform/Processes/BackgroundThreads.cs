using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>
/// Threads that give way: on Linux the disk's idle class and a nice value, on Windows the background mode of threads. The process itself stays
/// as it is, a session goes on after its command.
/// </summary>
internal static class BackgroundThreads
{
    /// <summary>As nice(1) does without a number: a tenth of a thread's usual share if others want the processor.</summary>
    private const int NiceStep = 10;
    private const int LastNice = 19;

    private const int WhoProcess = 1;
    private const int IdleClass = 3 << 13;

    private const int BackgroundBegin = 0x10000;
    private const int BackgroundEnd = 0x20000;

    private static readonly object s_gate = new();
    private static int s_scopeCount;
    private static HashSet<int> s_others = [];

    /// <summary>Makes the calling thread one of them. It ends with the work.</summary>
    /// <returns>Ends the work: what the runtime started from such a thread, and keeps, gets its priority back.</returns>
    public static IDisposable Begin()
    {
        lock (s_gate)
        {
            if (s_scopeCount++ == 0)
                s_others = [.. ThreadIds()];
        }
        Join();
        return new Scope();
    }

    /// <summary>Makes the calling thread one of them.</summary>
    public static void Join()
    {
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
        {
            // Fails if it is one already.
            _ = SetThreadPriority(GetCurrentThread(), BackgroundBegin);
        }
        else if (RuntimeInformation.IsOSPlatform(OSPlatform.Linux))
        {
            SetIoPriority(0, IdleClass);
            if (s_canUndo.Value)
                _ = setpriority(0, 0, Math.Min(LastNice, s_usual.Value.Nice + NiceStep));
        }
    }

    /// <summary>
    /// Whether a thread may get its nice value back: root's right. The runtime's own threads are born of those that work and live on, so
    /// that without it the disk alone gives way.
    /// </summary>
    private static readonly Lazy<bool> s_canUndo = new(() =>
    {
        bool can = false;
        var trial = new Thread(() =>
        {
            int nice = getpriority(0, 0);
            can = setpriority(0, 0, Math.Min(LastNice, nice + 1)) == 0 && setpriority(0, 0, nice) == 0;
        });
        trial.Start();
        trial.Join();
        return can;
    });

    /// <summary>The main thread's: commands do not work on it.</summary>
    private static readonly Lazy<(int Nice, int Io)> s_usual = new(() =>
    {
        using var self = System.Diagnostics.Process.GetCurrentProcess();
        int io = s_ioPriorityGet is { } get ? (int)syscall(get, WhoProcess, self.Id, 0) : 0;
        return (getpriority(0, (uint)self.Id), Math.Max(0, io));
    });

    /// <summary>ioprio_get's number, which is not in the C library; null: of a processor that is not known here. ioprio_set's is the one before it.</summary>
    private static readonly nint? s_ioPriorityGet = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 252,
        Architecture.Arm64 => 31,
        _ => null,
    };

    private static void SetIoPriority(int thread, int priority)
    {
        if (s_ioPriorityGet is { } get)
            _ = syscall(get - 1, WhoProcess, thread, priority);
    }

    private static IEnumerable<int> ThreadIds()
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Linux) || !Directory.Exists("/proc/self/task"))
            yield break;
        foreach (string path in Directory.EnumerateDirectories("/proc/self/task"))
        {
            if (int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                yield return id;
        }
    }

    private sealed class Scope : IDisposable
    {
        public void Dispose()
        {
            if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
                _ = SetThreadPriority(GetCurrentThread(), BackgroundEnd);
            lock (s_gate)
            {
                if (--s_scopeCount > 0)
                    return;
                foreach (int id in ThreadIds())
                {
                    if (s_others.Contains(id))
                        continue;
                    SetIoPriority(id, s_usual.Value.Io);
                    _ = setpriority(0, (uint)id, s_usual.Value.Nice);
                }
            }
        }
    }

#pragma warning disable IDE1006 // The names are libc's.
    [DllImport("libc")]
    private static extern int getpriority(int which, uint who);

    [DllImport("libc")]
    private static extern int setpriority(int which, uint who, int priority);

    [DllImport("libc")]
    private static extern nint syscall(nint number, nint first, nint second, nint third);
#pragma warning restore IDE1006

    [DllImport("kernel32", ExactSpelling = true)]
    private static extern IntPtr GetCurrentThread();

    [DllImport("kernel32", ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool SetThreadPriority(IntPtr thread, int priority);
}
