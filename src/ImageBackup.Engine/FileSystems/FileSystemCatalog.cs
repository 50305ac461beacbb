using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.Ext;
using ImageBackup.Engine.FileSystems.Luks;
using ImageBackup.Engine.FileSystems.Named;
using ImageBackup.Engine.FileSystems.Swap;
using ImageBackup.Engine.FileSystems.Xfs;

namespace ImageBackup.Engine.FileSystems;

/// <summary>All file systems that the engine knows, in the order in which they are asked.</summary>
public static class FileSystemCatalog
{
    // One line a reader. Strong magics come first, weak ones (FAT has none worth the name) last.
    public static IReadOnlyList<IFileSystemReader> Readers { get; } = new List<IFileSystemReader>
    {
        new LuksReader(),
        new NamedReader(),
        new ExtReader(),
        new XfsReader(),
        new BtrfsReader(),
        new SwapReader(),
    }.AsReadOnly();

    /// <summary>The first reader that recognises the volume, with its description; null where none does.</summary>
    public static (IFileSystemReader Reader, FileSystemDescription Description)? Probe(IBlockReader volume)
    {
        foreach (IFileSystemReader reader in Readers)
        {
            if (reader.Probe(volume) is { } description)
                return (reader, description);
        }
        return null;
    }
}
