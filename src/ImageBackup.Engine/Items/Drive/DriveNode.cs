using System.Collections.Generic;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items.Drive;

/// <summary>A place on a drive: its root, a computer, a volume, an image, or something in an image.</summary>
/// <param name="PathNames">The names that lead to it from the drive's root, escaped, as the drive lists them.</param>
/// <param name="Computer">Null at the root.</param>
/// <param name="Volume">Null above the volumes.</param>
/// <param name="Image">Null above the images.</param>
/// <param name="Item">Null above the images' files.</param>
/// <param name="Open">The image that the item is of. Both are good while a lease holds it, or while what gave this is walked.</param>
internal sealed record DriveNode(IReadOnlyList<string> PathNames, DriveComputer? Computer, DriveVolume? Volume, DriveImage? Image, FoundItem? Item, OpenImage? Open)
{
    public bool IsContainer => Item is null || Item.Entry.Kind == FileTreeKind.Directory;

    /// <summary>The name by which it is looked for by a pattern: an item's own, else the one on the drive.</summary>
    public string Name => Item?.Entry.Name ?? (PathNames.Count == 0 ? "" : PathNames[PathNames.Count - 1]);
}
