using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Policy.Retention;

/// <summary>What retention knows of an image.</summary>
internal sealed record RetentionImage
{
    public required string Id { get; init; }

    /// <summary>The volume's id, whatever it is called; images of one id and computer are versions of one another.</summary>
    public required string Volume { get; init; }

    /// <summary>Compared without case.</summary>
    public required string ComputerName { get; init; }
    public required DateTimeOffset Time { get; init; }

    public IReadOnlyList<string> Tags { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<string>());

    /// <summary>A person pinned it.</summary>
    public bool IsPinned { get; init; }

    /// <summary>Null: the image records none (restic made it).</summary>
    public string? ManagementClass { get; init; }

    /// <summary>The class's values when the image was taken; used if the class no longer exists.</summary>
    public RetentionValues? Recorded { get; init; }
}
