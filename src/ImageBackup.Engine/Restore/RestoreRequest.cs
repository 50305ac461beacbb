using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Restore;

/// <summary>What to restore, and where to.</summary>
internal sealed record RestoreRequest
{
    /// <summary>The snapshot's full id.</summary>
    public required string ImageId { get; init; }

    /// <summary>A volume's name (as IVolumeSystem.Find takes it) or a file's path.</summary>
    public required string Destination { get; init; }

    /// <summary>Read the target and write only what differs: the way to resume.</summary>
    public bool SkipUnchanged { get; init; }

    /// <summary>Read back what was written and compare.</summary>
    public bool VerifyTarget { get; init; }

    /// <summary>Clear what the image does not use. Without it, unused ranges of a device are discarded if it can, else left alone.</summary>
    public bool ZeroUnused { get; init; }

    /// <summary>Replace a file that exists (once the new one is whole).</summary>
    public bool ReplaceFile { get; init; }

    /// <summary>Restores all that is whole of a damaged image: zeros if a chunk is missing or corrupt, and the result lists them.</summary>
    public bool SkipCorrupt { get; init; }

    /// <summary>
    /// Goes over what is refused else: a target that another computer may be using, that is a member of something larger, is encrypted or has
    /// partitions, or whose sectors are of a size that the image's file system cannot use. A target that must never be written to stays refused.
    /// </summary>
    public bool Force { get; init; }

    /// <summary>The device that the user said yes to (<see cref="RestoreCheck.Confirmed"/>): compared with what is opened, before the first byte. Null: not asked.</summary>
    public DeviceInstance? Confirmed { get; init; }

    /// <summary>Worker threads; null: one a processor.</summary>
    public int? ThrottleLimit { get; init; }
}
