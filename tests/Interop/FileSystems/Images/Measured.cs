using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;

namespace ImageBackup.Tests.Interop.FileSystems.Images;

/// <summary>Time and memory of a piece of work.</summary>
internal static class Measured
{
    /// <summary>
    /// Runs the work three times. Returns what it gave, the shortest time (the others measured what else ran on the
    /// machine), and by how much the process's peak memory grew.
    /// </summary>
    public static (T Result, TimeSpan Time, long GrownBytes) Run<T>(Func<T> work)
    {
        GC.Collect();
        long before = PeakBytes();
        T result = default!;
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            var watch = Stopwatch.StartNew();
            result = work();
            best = watch.Elapsed < best ? watch.Elapsed : best;
        }
        return (result, best, PeakBytes() - before);
    }

    private static long PeakBytes()
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("VmHWM:", StringComparison.Ordinal))
                return long.Parse(line.AsSpan(6, line.Length - 9).Trim(), CultureInfo.InvariantCulture) << 10;
        }
        throw new InvalidOperationException("no VmHWM");
    }
}
