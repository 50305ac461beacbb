using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Jobs;

/// <summary>What to restore, and where to.</summary>
public sealed record RestoreRequest
{
    /// <summary>The snapshot's full id.</summary>
    public required string ImageId { get; init; }

    /// <summary>A volume's name (as IVolumeSystem.Find takes it) or a file's path.</summary>
    public required string Destination { get; init; }

    /// <summary>Read the target and write only what differs: the way to resume.</summary>
    public bool SkipUnchanged { get; init; }

    /// <summary>Read back what was written and compare.</summary>
    public bool VerifyTarget { get; init; }

    /// <summary>Clear what the image does not use. Without it, unused ranges of a device are discarded where it can, else left alone.</summary>
    public bool ZeroUnused { get; init; }

    /// <summary>Replace a file that exists (once the new one is whole).</summary>
    public bool ReplaceFile { get; init; }

    /// <summary>Restores all that is whole of a damaged image: zeros where a chunk is missing or corrupt, and the result lists them.</summary>
    public bool SkipCorrupt { get; init; }

    /// <summary>Worker threads; null: one a processor.</summary>
    public int? ThrottleLimit { get; init; }
}

/// <summary>What a restore did. Sizes in bytes.</summary>
public sealed record RestoreResult
{
    public required string ImageId { get; init; }
    public required string Volume { get; init; }
    public required string Destination { get; init; }
    public required long SizeBytes { get; init; }
    public required long WrittenBytes { get; init; }

    /// <summary>Bytes that the target had already (-SkipUnchanged).</summary>
    public required long SkippedBytes { get; init; }

    /// <summary>Bytes that were made zero without writing them.</summary>
    public required long ZeroBytes { get; init; }
    public required bool Verified { get; init; }

    /// <summary>Ranges of the volume that are zeros because their chunks are missing or corrupt (-SkipCorrupt), sorted.</summary>
    public IReadOnlyList<ByteRange> CorruptRanges { get; init; } = Array.Empty<ByteRange>();
    public required TimeSpan Duration { get; init; }
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();
    public double? BytesPerSecond => Duration.TotalSeconds > 0 ? SizeBytes / Duration.TotalSeconds : null;

    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(RestoreResult), PrintMembers);
}
