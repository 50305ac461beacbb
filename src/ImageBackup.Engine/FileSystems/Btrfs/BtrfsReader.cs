using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>
/// btrfs on one device, SINGLE and DUP: used space by the extent tree of the last committed transaction, and by the
/// log tree if there is one. Several devices and RAID profiles are refused.
/// </summary>
internal sealed partial class BtrfsReader : IFileTreeReader
{
    private readonly bool _verifiesChecksums;

    public BtrfsReader() : this(verifiesChecksums: true)
    {
    }

    /// <summary>Without checksums a fuzzer gets past the first structure.</summary>
    internal BtrfsReader(bool verifiesChecksums) => _verifiesChecksums = verifiesChecksums;

    public FileSystemDescription? Probe(IBlockReader volume) => BtrfsSuperblock.Describe(volume);

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation)
    {
        // Mounted right now, a tree may be replaced and its nodes overwritten while it is read.
        const int attempts = 3;
        for (int attempt = 1; ; attempt++)
        {
            BtrfsSuperblock superblock = BtrfsSuperblock.Read(volume, _verifiesChecksums);
            try
            {
                return new BtrfsUsedRangeScan(volume, superblock, cancellation).Run();
            }
            catch (FileSystemFormatException) when (attempt < attempts && BtrfsSuperblock.Read(volume, _verifiesChecksums).Generation != superblock.Generation)
            {
            }
        }
    }
}
