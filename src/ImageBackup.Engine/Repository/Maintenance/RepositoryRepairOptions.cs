using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Packs;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>How far a repair goes.</summary>
internal sealed record RepositoryRepairOptions
{
    /// <summary>Reads every pack whole. Without it only those are looked at that no index lists or whose length is wrong.</summary>
    public bool ReadData { get; init; }

    /// <summary>
    /// Removes snapshot records that are damaged or that this version does not understand. Without it they stay and are named: what
    /// they refer to is not known, and may be wanted.
    /// </summary>
    public bool RemoveUnreadable { get; init; }

    /// <summary>
    /// Packs that are whole, by their names and lengths in bytes: a repair adds to it, and does not read again what is in it. Given to a
    /// plan and then to the repair that follows it at once.
    /// </summary>
    public ICollection<(BlobId PackId, long LengthBytes)>? Proven { get; init; }

    /// <summary>
    /// What the headers of packs say that no index lists, by the packs' names and lengths in bytes: a repair adds to it, and does not read again
    /// what is in it. Given as <see cref="Proven"/> is.
    /// </summary>
    public IDictionary<(BlobId PackId, long LengthBytes), IReadOnlyList<PackEntry>>? Headers { get; init; }

    /// <summary>Finds out what would be done, and writes nothing.</summary>
    public bool IsPlan { get; init; }
}
