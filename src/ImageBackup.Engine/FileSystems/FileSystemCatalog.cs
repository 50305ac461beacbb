using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.BitLocker;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Engine.FileSystems.Ext;
using ImageBackup.Engine.FileSystems.F2fs;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Engine.FileSystems.Luks;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Engine.FileSystems.ReFs;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Engine.FileSystems.Swap;
using ImageBackup.Engine.FileSystems.Xfs;

namespace ImageBackup.Engine.FileSystems;

/// <summary>All file systems that the engine knows, in the order in which they are asked.</summary>
internal static class FileSystemCatalog
{
    // One line a reader. Strong magics come first, weak ones (FAT has none worth the name) last.
    public static IReadOnlyList<IFileSystemReader> Readers { get; } = new List<IFileSystemReader>
    {
        new LuksReader(),
        new BitLockerReader(), // Before FAT: To Go wears a FAT boot sector.
        new NamedReader(),
        new ReFsReader(),
        new ExtReader(),
        new XfsReader(),
        new BtrfsReader(),
        new F2fsReader(),
        new SwapReader(),
        new NtfsReader(),
        new ExFatReader(),
        new FatReader(),
    }.AsReadOnly();

    /// <summary>The first reader that recognises the volume, with its description; null if none does.</summary>
    /// <remarks>
    /// If somebody else claims the volume too, a second file system or a partition table with entries, one of them is what an earlier
    /// use left behind, and it is not known which: the reader returned is then a <see cref="ConflictingReader"/>, which refuses to
    /// map the volume, so that it is copied whole.
    /// </remarks>
    public static (IFileSystemReader Reader, FileSystemDescription Description)? Probe(IBlockReader volume)
    {
        IReadOnlyList<SignatureClaim> claimants = SignatureScan.FindClaimants(volume);
        foreach (SignatureClaim claim in claimants)
        {
            if (claim is { Reader: { } reader, Description: { } description })
                return (claimants.Count > 1 ? new ConflictingReader(claimants) : reader, description);
        }
        return null;
    }
}
