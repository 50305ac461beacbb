using System;
using System.Collections.Generic;
using System.IO;

namespace ImageBackup.Engine.Platform.Rooted;

/// <summary>What is set on a restored file, directory or link. Null: left as it is.</summary>
internal sealed record RestoredMetadata
{
    /// <summary>Seconds since 1970 in UTC and nanoseconds.</summary>
    public (long Seconds, int Nanoseconds)? Modified { get; init; }
    public (long Seconds, int Nanoseconds)? Accessed { get; init; }

    /// <summary>UTC. Windows only.</summary>
    public DateTime? Created { get; init; }

    /// <summary>Permission bits (07777). Unix only.</summary>
    public int? Permissions { get; init; }

    /// <summary>User and group. Unix only.</summary>
    public (uint User, uint Group)? Owner { get; init; }

    /// <summary>Whole names and values. Unix only.</summary>
    public IReadOnlyList<(string Name, byte[] Value)> ExtendedAttributes { get; init; } = Array.Empty<(string, byte[])>();

    /// <summary>Read-only, hidden, system, archive. Windows only.</summary>
    public FileAttributes? Attributes { get; init; }

    /// <summary>Owner, group and access list, in the self-relative form, proven whole. Windows only.</summary>
    public byte[]? SecurityDescriptor { get; init; }
}
