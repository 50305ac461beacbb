using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>What a restore of files out of one image did.</summary>
public sealed record ItemRestoreResult
{
    public required string ImageId { get; init; }
    public required string Volume { get; init; }

    /// <summary>The directory that the files were restored to.</summary>
    public required string Destination { get; init; }
    public required long FileCount { get; init; }
    public required long DirectoryCount { get; init; }
    public required long LinkCount { get; init; }

    /// <summary>Of the files, those that are a second name of another one.</summary>
    public long HardLinkCount { get; init; }

    /// <summary>Files, directories and links that were not restored, or not whole: each is an error or a warning of its own.</summary>
    public required long FailedCount { get; init; }

    /// <summary>What is to know of all files of the image: a journal that was not replayed, for example. Empty if nothing is.</summary>
    public IReadOnlyList<string> Notes { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>The length of the restored files, holes counted.</summary>
    public required long SizeBytes { get; init; }
    public required TimeSpan Duration { get; init; }
    public double? BytesPerSecond => Duration.TotalSeconds > 0 ? SizeBytes / Duration.TotalSeconds : null;

    /// <summary>How much, and where it is now.</summary>
    public override string ToString() => DisplayText.Line($"{FileCount} files of {DisplayText.ShortId(ImageId)} in {Destination}");
}
