using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>
/// While a key is in memory, a crash of this process leaves no picture of its memory on a disk, and no other process of the same
/// user reads it: on Linux the process is marked as not dumpable, prctl(2). Children are not: the mark ends with exec. Any thread.
/// </summary>
internal static class CoreDumps
{
    private const int GetDumpable = 3;
    private const int SetDumpable = 4;

    private static readonly object s_gate = new();
    private static int s_reasonCount;
    private static bool s_isMarked;

    /// <summary>Whether the process is marked now; false also if the system has no such mark.</summary>
    public static bool AreForbidden => RuntimeInformation.IsOSPlatform(OSPlatform.Linux) && prctl(GetDumpable, UIntPtr.Zero, UIntPtr.Zero, UIntPtr.Zero, UIntPtr.Zero) == 0;

    /// <summary>From now on, until <see cref="Allow"/> is called as often.</summary>
    public static void Forbid()
    {
        lock (s_gate)
        {
            if (++s_reasonCount > 1 || !RuntimeInformation.IsOSPlatform(OSPlatform.Linux))
                return;
            // Somebody else may have marked it, for good reasons of his own.
            s_isMarked = !AreForbidden && Set(0);
        }
    }

    public static void Allow()
    {
        lock (s_gate)
        {
            if (--s_reasonCount > 0 || !s_isMarked)
                return;
            s_isMarked = false;
            _ = Set(1);
        }
    }

    private static bool Set(uint isDumpable) => prctl(SetDumpable, (UIntPtr)isDumpable, UIntPtr.Zero, UIntPtr.Zero, UIntPtr.Zero) == 0;

#pragma warning disable IDE1006 // The name is libc's.
    [DllImport("libc", SetLastError = true)]
    private static extern int prctl(int option, UIntPtr argument, UIntPtr unused3, UIntPtr unused4, UIntPtr unused5);
#pragma warning restore IDE1006
}
