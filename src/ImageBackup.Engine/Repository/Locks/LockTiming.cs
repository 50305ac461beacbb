using System;

namespace ImageBackup.Engine.Repository.Locks;

/// <summary>The waits of the lock protocol: restic's, unless a test is in a hurry.</summary>
/// <param name="Settle">How long to wait before looking for rivals that locked at the same moment.</param>
/// <param name="RefreshEvery">How often a held lock is replaced by a fresh one.</param>
internal sealed record LockTiming(TimeSpan Settle, TimeSpan RefreshEvery)
{
    public static LockTiming Restic { get; } = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromMinutes(5));
}
