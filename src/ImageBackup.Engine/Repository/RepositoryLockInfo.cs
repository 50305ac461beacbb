using System;

namespace ImageBackup.Engine.Repository;

/// <summary>A lock file's facts. <c>Time</c> is local; a process id of 0 means that the lock could not be read.</summary>
public sealed record RepositoryLockInfo(
    string Id, DateTime Time, bool IsExclusive, string ComputerName, string UserName, int ProcessId, bool IsStale);
