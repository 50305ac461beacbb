using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>What a check of one image found.</summary>
public sealed record VerifyResult
{
    public required string ImageId { get; init; }
    public required string Volume { get; init; }

    /// <summary>Which volume it is: see <see cref="ImageBackupInfo.VolumeId"/>.</summary>
    public required string VolumeId { get; init; }
    public required bool IsWhole { get; init; }
    public required long SizeBytes { get; init; }
    public required long ChunkCount { get; init; }

    /// <summary>Ranges of the volume whose chunks are missing or corrupt, sorted.</summary>
    public required IReadOnlyList<ByteRange> DamagedRanges { get; init => field = JoinedList.Of(value); }

    /// <summary>
    /// Paths inside of the image of the files and directories that the damage reaches, at most 1,000; null if the image is whole or its file system
    /// cannot be listed.
    /// </summary>
    public IReadOnlyList<string>? DamagedFiles { get; init => field = value is null ? null : JoinedList.Of(value); }

    /// <summary>How many they are; at least so many if there are more than are listed.</summary>
    public long? DamagedFileCount { get; init; }
    public required TimeSpan Duration { get; init; }

    /// <summary>Which image, and whether it is whole.</summary>
    public override string ToString() => DisplayText.Line($"{DisplayText.ShortId(ImageId)} of {Volume}: {(IsWhole ? "whole" : "damaged")}");
}
