using System;
using System.Diagnostics;
using System.Threading;

namespace ImageBackup.Engine.Pipeline;

/// <summary>Counts a job's bytes and reports about five times a second. Any thread.</summary>
internal sealed class ProgressMeter(IProgress<JobProgress>? progress, string volume, JobPhase phase, long totalBytes, Func<long>? storedBytes = null)
{
    private const long IntervalMilliseconds = 200;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _doneBytes;
    private long _nextReport;

    public void Add(long countBytes)
    {
        long done = Interlocked.Add(ref _doneBytes, countBytes);
        if (progress is null)
            return;
        long now = _clock.ElapsedMilliseconds, due = Interlocked.Read(ref _nextReport);
        if (now >= due && Interlocked.CompareExchange(ref _nextReport, now + IntervalMilliseconds, due) == due)
            Report(done);
    }

    public void Report() => Report(Interlocked.Read(ref _doneBytes));

    private void Report(long doneBytes) =>
        progress?.Report(new JobProgress(phase, volume, doneBytes, totalBytes, storedBytes?.Invoke() ?? 0, _clock.Elapsed));
}
