using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Volumes;

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

    /// <summary>
    /// Goes over what is refused else: a target that another computer may be using, that is a member of something larger, is encrypted or has
    /// partitions, or whose sectors are of a size that the image's file system cannot use. What must never be written to stays refused.
    /// </summary>
    public bool Force { get; init; }

    /// <summary>The device that the user said yes to (<see cref="RestoreCheck.Confirmed"/>): compared with what is opened, before the first byte. Null: not asked.</summary>
    public DeviceInstance? Confirmed { get; init; }

    /// <summary>Worker threads; null: one a processor.</summary>
    public int? ThrottleLimit { get; init; }
}

/// <summary>What a restore would do, found without writing.</summary>
public sealed record RestoreCheck
{
    public required ImageBackupInfo Image { get; init; }
    public required string Destination { get; init; }

    /// <summary>What is on the target now, as a clause: file system, label, UUID, when it was last mounted if that is known.</summary>
    public required string Now { get; init; }

    /// <summary>Length of what is there in bytes; null: a new file.</summary>
    public long? NowBytes { get; init; }

    /// <summary>What is there and is more than one file system, each as a clause; not empty only with <see cref="RestoreRequest.Force"/>.</summary>
    public IReadOnlyList<string> Valuables { get; init; } = Array.Empty<string>();

    /// <summary>What <see cref="RestoreRequest.Force"/> goes over.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();

    /// <summary>The device that was looked at; for <see cref="RestoreRequest.Confirmed"/>.</summary>
    public DeviceInstance? Confirmed { get; init; }

    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(RestoreCheck), PrintMembers);
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

    /// <summary>What an earlier content had left outside of what the image stores, and what was cleared: "zfs_member at offset 131072".</summary>
    public IReadOnlyList<string> ClearedSignatures { get; init; } = Array.Empty<string>();
    public required TimeSpan Duration { get; init; }
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();
    public double? BytesPerSecond => Duration.TotalSeconds > 0 ? SizeBytes / Duration.TotalSeconds : null;

    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(RestoreResult), PrintMembers);
}
