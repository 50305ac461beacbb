using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>What a check of this machine came to.</summary>
public enum HostCheckState
{
    /// <summary>All is as it should be.</summary>
    Passed,

    /// <summary>Backups run, but something is slower or cannot be had.</summary>
    Warning,

    /// <summary>Backups of whole volumes do not run so.</summary>
    Failed,
}

/// <summary>One thing that this machine can do, or cannot, and the remedy.</summary>
public sealed record HostCheck
{
    public required string Name { get; init; }
    public required HostCheckState State { get; init; }

    /// <summary>What was found.</summary>
    public required string Detail { get; init; }

    /// <summary>What to do; null if nothing need be done.</summary>
    public string? Remedy { get; init; }

    public override string ToString() => DisplayText.Line($"{Name}: {State}, {Detail}");
}
