using System;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>What <c>Copy-ImageBackup</c> did with one image.</summary>
public sealed record ImageCopyResult
{
    public required string ImageId { get; init; }

    /// <summary>The copy's id; null if nothing was copied, because it was only planned.</summary>
    public string? CopyId { get; init; }
    public required string Volume { get; init; }
    public required string ComputerName { get; init; }
    public required DateTime BackupTime { get; init; }

    /// <summary>The repositories' locations, as they may be shown.</summary>
    public required string Source { get; init; }
    public required string Destination { get; init; }

    /// <summary>False: the destination had the image already.</summary>
    public required bool IsNew { get; init; }

    /// <summary>Chunks and trees of the image, each counted once; null if they were not looked at, because the destination had the image.</summary>
    public long? ChunkCount { get; init; }

    /// <summary>How many of them the destination lacked.</summary>
    public required long CopiedChunkCount { get; init; }

    /// <summary>What they take in the source's packs, in bytes.</summary>
    public required long ReadBytes { get; init; }

    /// <summary>What was added to the destination's packs, in bytes.</summary>
    public required long StoredBytes { get; init; }
    public required TimeSpan Duration { get; init; }

    /// <summary>Which image, and where its copy is.</summary>
    public override string ToString() => DisplayText.Line($"{DisplayText.ShortId(ImageId)} of {Volume} in {Destination}");
}
