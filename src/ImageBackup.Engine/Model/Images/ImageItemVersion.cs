using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// One version of a file, directory or link, and the images of its volume that hold it, as <c>Find-ImageItem</c> gives it. The newest of these
/// images is the one that <c>Restore-ImageItem</c> takes it from. Times are local.
/// </summary>
public sealed record ImageItemVersion
{
    /// <summary>The item as it is in the newest image that has this version.</summary>
    public required ImageItem ImageItem { get; init; }
    public string Name => ImageItem.Name;
    public string FullName => ImageItem.FullName;

    /// <summary>As <see cref="ImageItem.Type"/>.</summary>
    public string Type => ImageItem.Type;

    /// <summary>In bytes; null if it is not a file.</summary>
    public long? Length => ImageItem.Length;
    public DateTime? LastWriteTime => ImageItem.LastWriteTime;
    public string Mode => ImageItem.Mode;
    public required string Volume { get; init; }
    public required string ComputerName { get; init; }

    /// <summary>The newest image that has this version, and when that was taken.</summary>
    public string ImageId => ImageItem.ImageId;
    public required DateTime ImageTime { get; init; }

    /// <summary>When the oldest image that has it was taken.</summary>
    public required DateTime OldestImageTime { get; init; }

    /// <summary>All images that have it, newest first.</summary>
    public required IReadOnlyList<string> ImageIds { get; init => field = JoinedList.Of(value); }
    public int ImageCount => ImageIds.Count;
    public string? Repository => ImageItem.Repository;

    /// <summary>The path, and the image.</summary>
    public override string ToString() => DisplayText.Line($"{FullName} in {DisplayText.ShortId(ImageId)}");
}
