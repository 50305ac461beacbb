using System;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// What <c>Optimize-ImageRepository</c> removed, or with <see cref="IsPlan"/> what it would. Sizes are bytes of pack files'
/// content; "unused" is what no snapshot record refers to, further copies of the same content counted.
/// </summary>
public sealed record RepositoryOptimizeResult
{
    public required string Repository { get; init; }

    /// <summary>Nothing was changed: these are the figures of what would be.</summary>
    public required bool IsPlan { get; init; }
    public required int SnapshotCount { get; init; }

    /// <summary>Blobs and bytes that snapshot records refer to.</summary>
    public required long UsedBlobCount { get; init; }
    public required long UsedBytes { get; init; }

    /// <summary>Blobs and bytes in indexed packs that nothing refers to; further copies are not counted here.</summary>
    public required long UnusedBlobCount { get; init; }
    public required long UnusedBytes { get; init; }

    /// <summary>Further copies of blobs in use.</summary>
    public required long DuplicateBlobCount { get; init; }
    public required long DuplicateBytes { get; init; }

    /// <summary>Pack files before, and their bytes.</summary>
    public required int PackCount { get; init; }
    public required long PackBytes { get; init; }

    /// <summary>Packs that no index listed: left by something that was interrupted.</summary>
    public required int UnreferencedPackCount { get; init; }
    public required long UnreferencedBytes { get; init; }

    /// <summary>Packs that an index listed and that were gone, with nothing in them that is needed.</summary>
    public required int VanishedPackCount { get; init; }

    /// <summary>Packs whose used part was written again, and the bytes of that part.</summary>
    public required int RepackedPackCount { get; init; }
    public required long RepackedBytes { get; init; }

    /// <summary>
    /// Bytes of packs that are read for that, with what lies between: what a server charges for. Not the indexes and trees that
    /// the look itself reads, which are in the cache as a rule.
    /// </summary>
    public required long ReadBytes { get; init; }

    /// <summary>
    /// About so many calls of the storage the change takes: reads of packs, new packs and index files, removals. On a server each is a
    /// request or a few. 0: there is nothing to do.
    /// </summary>
    public required long RequestCount { get; init; }

    /// <summary>Pack files removed, the repacked and the unreferenced ones counted.</summary>
    public required int RemovedPackCount { get; init; }
    public required long RemovedBytes { get; init; }

    /// <summary>By how much the pack files became smaller.</summary>
    public long FreedBytes => RemovedBytes - RepackedBytes;

    /// <summary>Unused bytes that stay, within the limit.</summary>
    public required long RemainingUnusedBytes { get; init; }

    /// <summary>The limit that they are within.</summary>
    public required UnusedLimit MaxUnused { get; init; }
    public required TimeSpan Duration { get; init; }

    /// <summary>The repository, and how much smaller it is or would be.</summary>
    public override string ToString() => DisplayText.Line($"{Repository}: {FreedBytes.ToString(System.Globalization.CultureInfo.InvariantCulture)} bytes {(IsPlan ? "would be freed" : "freed")}");
}
