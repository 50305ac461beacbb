using System;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>A lock file's facts. <c>Time</c> is local.</summary>
public sealed record RepositoryLockInfo(
    string Id, DateTime Time, bool IsExclusive, string ComputerName, string UserName, int ProcessId, bool IsStale)
{
    /// <summary>
    /// False: the file is damaged (a power cut often leaves one of 0 bytes), and it is not known whose lock it is. It counts as
    /// an exclusive lock.
    /// </summary>
    public bool IsReadable { get; init; } = true;

    /// <summary>The beginning of its id.</summary>
    public override string ToString() => DisplayText.ShortId(Id);
}
