using System;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Repository;

/// <summary>A lock file's facts. <c>Time</c> is local; a process id of 0 means that the lock could not be read.</summary>
public sealed record RepositoryLockInfo(
    string Id, DateTime Time, bool IsExclusive, string ComputerName, string UserName, int ProcessId, bool IsStale)
{
    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(RepositoryLockInfo), PrintMembers);
}
