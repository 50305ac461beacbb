using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Volumes.Snapshots;

/// <summary>Whether something can be used, and why not.</summary>
/// <param name="WhyNot">Null where it can. Else a sentence's part, as in "..., because {WhyNot}".</param>
public sealed record SnapshotAbility(string? WhyNot)
{
    public static SnapshotAbility Usable { get; } = new((string?)null);

    public bool IsUsable => WhyNot is null;
}

/// <summary>What a frozen copy is like while it is read.</summary>
public sealed record SnapshotState
{
    /// <summary>The copy shows what the volume was; false once its room is full or the system gave it up.</summary>
    public required bool IsValid { get; init; }

    /// <summary>Why it is not valid.</summary>
    public string? Fault { get; init; }

    /// <summary>Room for the blocks that change meanwhile; null where there is no bound of its own.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>What of it is in use; null where it cannot be told.</summary>
    public long? CacheUsedBytes { get; init; }
}

/// <summary>A snapshot that a killed run left.</summary>
/// <param name="Provider">The provider's name.</param>
/// <param name="Name">What it is called, for people and for Remove.</param>
/// <param name="VolumeName">Of which volume, where that is known.</param>
public sealed record SnapshotLeftover(string Provider, string Name, string? VolumeName)
{
    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(SnapshotLeftover), PrintMembers);
}
