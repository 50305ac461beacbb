using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>An image that damage reaches.</summary>
public sealed record DamagedImage
{
    /// <summary>The snapshot record's id.</summary>
    public required string ImageId { get; init; }

    /// <summary>The volume's name.</summary>
    public required string Volume { get; init; }
    public required string ComputerName { get; init; }

    /// <summary>True if the list of its chunks is lost: nothing of it can be restored, and no backup heals it.</summary>
    public required bool IsLost { get; init; }

    /// <summary>Ranges of the volume whose chunks are missing or corrupt, in bytes, sorted.</summary>
    public required IReadOnlyList<ByteRange> Ranges { get; init => field = JoinedList.Of(value); }
    public long DamagedBytes => Ranges.Sum(r => r.LengthBytes);

    /// <summary>The beginning of the image's id, which stands for the image wherever an id is asked for.</summary>
    public override string ToString() => DisplayText.ShortId(ImageId);
}
