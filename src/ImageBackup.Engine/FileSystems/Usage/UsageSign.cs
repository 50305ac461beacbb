using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>What a file system, or a member of something larger, says itself of who uses it or used it last.</summary>
internal sealed record UsageSign
{
    /// <summary>As the probe names it: ext4, LVM2_member, zfs_member ...</summary>
    public required string Type { get; init; }

    /// <summary>What every new use changes. Two volumes with equal traces show one and the same use: one is a copy of the other.</summary>
    public required string Trace { get; init; }

    /// <summary>The file system's UUID or serial; null: it has none, or is a member of something larger.</summary>
    public string? Id { get; init; }

    public DateTimeOffset? LastMountedTime { get; init; }

    /// <summary>Where it was mounted last, as its own system named it.</summary>
    public string? LastMountPoint { get; init; }

    /// <summary>Why another computer may be using it right now, as a clause; null: nothing says so.</summary>
    public string? Elsewhere { get; init; }
}

/// <summary>Who asks: what tells this computer's own use from another's.</summary>
internal sealed record UsageContext
{
    public required string ComputerName { get; init; }

    /// <summary>When this computer started: a volume mounted since then and not here is mounted by another computer.</summary>
    public required DateTimeOffset StartTime { get; init; }

    /// <summary>As ZFS counts hosts; null: this one has no number.</summary>
    public uint? HostId { get; init; }

    /// <summary>What LVM may call this computer, besides its name.</summary>
    public IReadOnlyList<string> SystemIds { get; init; } = Array.Empty<string>();

    /// <summary>Names compare without what follows the first dot: one system writes it, another does not.</summary>
    internal bool IsThisComputer(string name) => string.Equals(Short(name), Short(ComputerName), StringComparison.OrdinalIgnoreCase);

    private static string Short(string name)
    {
        int dot = name.IndexOf('.');
        return dot > 0 ? name.Substring(0, dot) : name;
    }
}
