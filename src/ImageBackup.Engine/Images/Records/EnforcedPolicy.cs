using System;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Engine.Images.Records;

/// <summary>The rules and classes that a repository keeps: they go before those of every machine that backs up to it.</summary>
internal sealed record EnforcedPolicy
{
    public required RuleDocument Rules { get; init; }
    public ManagementClassDocument Classes { get; init; } = ManagementClassDocument.Empty;

    /// <summary>Counts the changes; 0: the repository keeps no policy.</summary>
    public int Revision { get; init; }

    /// <summary>When, where and by whom it was changed last; null: never.</summary>
    public DateTimeOffset? ModifiedAt { get; init; }
    public string? ComputerName { get; init; }
    public string? UserName { get; init; }

    /// <summary>The snapshot record that carries it; null: there is none.</summary>
    public string? SnapshotId { get; init; }

    /// <summary>
    /// What to tell the user: the repository's policy is older than one that this machine has seen, and the one that was seen
    /// goes on counting. Null: it is as it should be.
    /// </summary>
    public string? Rollback { get; init; }
}
