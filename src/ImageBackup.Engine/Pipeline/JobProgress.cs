using System;

namespace ImageBackup.Engine.Pipeline;

/// <summary>What a job is doing.</summary>
internal enum JobPhase
{
    Reading,
    Copying,
    Verifying,
    Finishing,
}

/// <summary>A running job's state; reported at most about five times a second, from any thread.</summary>
internal sealed record JobProgress(
    JobPhase Phase,
    string Volume,
    long DoneBytes,
    long TotalBytes,
    long StoredBytes,
    TimeSpan Elapsed)
{
    public double BytesPerSecond => Elapsed.TotalSeconds > 0 ? DoneBytes / Elapsed.TotalSeconds : 0;
    public int Percent => TotalBytes > 0 ? (int)Math.Min(100, DoneBytes * 100.0 / TotalBytes) : 0;
    public TimeSpan? Remaining =>
        BytesPerSecond > 0 && DoneBytes > 0 ? TimeSpan.FromSeconds((TotalBytes - DoneBytes) / BytesPerSecond) : null;
}
