using System;
using System.Threading;

namespace ImageBackup.Engine.Platform;

/// <summary>
/// Keeps the jobs of one process from adding up. What a job leaves (of a volume of 1 TiB an index, two trees of 67 MiB and
/// the buffers) is free memory to the runtime, which is in no hurry to collect it: four backups in one session took twice
/// the memory of one.
/// </summary>
internal static partial class GcTrim
{
    /// <summary>What it takes for a collection to be worth its time.</summary>
    private const long WorthBytes = 64L << 20;

    private static long s_stayedBytes;

    /// <summary>
    /// Gives the system back the memory that is not referenced any more, if there may be much of it. To be called before something
    /// large is loaded. What stayed the last time (a session's own data) is not looked through again for nothing.
    /// </summary>
    public static void Run()
    {
        long bytes = GC.GetTotalMemory(forceFullCollection: false);
        long stayedBytes = Math.Min(bytes, Interlocked.Read(ref s_stayedBytes));
        Interlocked.Exchange(ref s_stayedBytes, stayedBytes);
        if (bytes - stayedBytes < WorthBytes)
            return;
        Collect();
        Interlocked.Exchange(ref s_stayedBytes, GC.GetTotalMemory(forceFullCollection: false));
    }
}
