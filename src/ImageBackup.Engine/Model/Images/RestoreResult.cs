using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

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

    /// <summary>True: the written data was read back and was right (-VerifyTarget). Null: not verified.</summary>
    public bool? Verified { get; init; }

    /// <summary>Ranges of the volume that are zeros because their chunks are missing or corrupt (-SkipCorrupt), sorted.</summary>
    public IReadOnlyList<ByteRange> CorruptRanges { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<ByteRange>());

    /// <summary>What an earlier content had left outside of what the image stores, and what was cleared: "zfs_member at offset 131072".</summary>
    public IReadOnlyList<string> ClearedSignatures { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());
    public required TimeSpan Duration { get; init; }
    public IReadOnlyList<string> Warnings { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());
    public double? BytesPerSecond => Duration.TotalSeconds > 0 ? SizeBytes / Duration.TotalSeconds : null;

    /// <summary>Which image, and where it is now.</summary>
    public override string ToString() => DisplayText.Line($"{DisplayText.ShortId(ImageId)} of {Volume} on {Destination}");
}
