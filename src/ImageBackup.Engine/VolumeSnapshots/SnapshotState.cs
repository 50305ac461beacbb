namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>What a frozen copy is like while it is read.</summary>
internal sealed record SnapshotState
{
    /// <summary>The copy shows what the volume was; false once its room is full or the system gave it up.</summary>
    public required bool IsValid { get; init; }

    /// <summary>Why it is not valid.</summary>
    public string? Fault { get; init; }

    /// <summary>Room for the blocks that change meanwhile; null if there is no bound of its own.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>What of it is in use; null if it cannot be told.</summary>
    public long? CacheUsedBytes { get; init; }
}
