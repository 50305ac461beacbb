using System.Collections.Generic;

namespace ImageBackup.Engine.Items;

/// <summary>What became of an item between two images.</summary>
internal enum ItemChange
{
    Added,
    Removed,
    Changed,

    /// <summary>The same file or directory, by the file system's number and its creation, under another path.</summary>
    Renamed,
}

/// <summary>One difference between two images.</summary>
/// <param name="Change">What it is.</param>
/// <param name="Old">The item in the older image; null if it was added.</param>
/// <param name="New">The item in the newer one; null if it was removed.</param>
/// <param name="Properties">The names of the properties that differ, of an item that is in both.</param>
internal sealed record ItemDifference(ItemChange Change, FoundItem? Old, FoundItem? New, IReadOnlyList<string> Properties);
