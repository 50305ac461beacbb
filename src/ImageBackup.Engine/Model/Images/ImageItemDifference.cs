using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// One difference between the files of two images, or of an image and a volume, as <c>Compare-ImageBackup</c> gives it. Times are local. Property
/// types are plain, so that CSV and JSON show them.
/// </summary>
public sealed record ImageItemDifference
{
    /// <summary>Added, Removed, Changed or Renamed: what became of it from the reference to the difference.</summary>
    public required string Change { get; init; }

    /// <summary>The path that it has; of what was removed, the path that it had.</summary>
    public required string FullName { get; init; }

    /// <summary>The path that it had, if it or a directory above it was renamed; else null.</summary>
    public string? PreviousFullName { get; init; }

    /// <summary>As <see cref="ImageItem.Type"/>.</summary>
    public required string Type { get; init; }

    /// <summary>Which properties of an <see cref="ImageItem"/> differ; Content, if that was compared and does.</summary>
    public IReadOnlyList<string> Properties { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>In bytes; null if it is not a file.</summary>
    public long? Length { get; init; }

    /// <summary>The length that it had; null if it was added or is not a file.</summary>
    public long? PreviousLength { get; init; }
    public DateTime? LastWriteTime { get; init; }
    public DateTime? PreviousLastWriteTime { get; init; }

    /// <summary>How many names the file has: what was added may be a second name of a file that was there.</summary>
    public long LinkCount { get; init; }

    /// <summary>The image in which <see cref="FullName"/> is; null if it is on the volume only.</summary>
    public string? ImageId { get; init; }
    public string? Repository { get; init; }

    /// <summary>What became of which path.</summary>
    public override string ToString() => DisplayText.Line($"{Change} {FullName}");
}
