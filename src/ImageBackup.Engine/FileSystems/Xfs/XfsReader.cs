using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// XFS versions 4 and 5: used blocks by the free-space B+trees of every allocation group, and files, with the log's
/// unwritten changes applied. Of a realtime section or an external log the used blocks are not told.
/// </summary>
internal sealed partial class XfsReader : IFileTreeReader
{
    private readonly bool _verifiesChecksums;

    public XfsReader() : this(verifiesChecksums: true)
    {
    }

    /// <summary>Without checksums a fuzzer gets past the first structure.</summary>
    internal XfsReader(bool verifiesChecksums) => _verifiesChecksums = verifiesChecksums;

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        if (XfsSuperblock.Describe(volume) is not { } description)
            return null;
        try
        {
            return description with { IsClean = XfsLog.Open(volume, XfsSuperblock.Read(volume, _verifiesChecksums)).IsClean };
        }
        catch (FileSystemFormatException)
        {
            return description;
        }
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation)
    {
        // Mounted right now, the log moves on while it is read: another reading may find it whole.
        const int attempts = 3;
        for (int attempt = 1; ; attempt++)
        {
            bool isClean = false;
            try
            {
                XfsSuperblock superblock = XfsSuperblock.Read(volume, _verifiesChecksums);
                if (superblock.HasRealtimeSection)
                    throw new FileSystemFormatException("xfs: realtime section: copied whole");
                XfsLog log = XfsLog.Open(volume, superblock);
                isClean = log.IsClean;
                if (isClean)
                    return Read(volume, superblock, isClean, cancellation);
                XfsReplayedVolume replayed = XfsLogReplay.Read(volume, superblock, log, XfsReplayScope.FreeSpace, cancellation);
                return Read(replayed, XfsSuperblock.Read(replayed, _verifiesChecksums), isClean, cancellation);
            }
            catch (FileSystemFormatException) when (!isClean && attempt < attempts)
            {
            }
        }
    }

    private static UsedRangeMap Read(IBlockReader volume, XfsSuperblock superblock, bool isClean, CancellationToken cancellation)
    {
        var builder = new UsedRangeBuilder(volume.LengthBytes, superblock.BlockSizeBytes);
        var freeSpace = new XfsFreeSpace(volume, superblock, builder, cancellation);
        for (int group = 0; group < superblock.GroupCount; group++)
        {
            freeSpace.ReadGroup(group);
            // Superblock copy and the three headers, a sector each.
            builder.Keep(superblock.GroupOffsetBytes(group), 4L * superblock.SectorSizeBytes);
        }
        builder.Keep(superblock.LogOffsetBytes, superblock.LogLengthBytes);
        long counted = freeSpace.FreeBlockCount + freeSpace.ReserveBlockCount;
        if (isClean && counted != superblock.FreeBlockCount)
            throw new FileSystemFormatException($"xfs: the superblock counts {superblock.FreeBlockCount} free blocks, the allocation groups {counted}");
        UsedRangeMap map = builder.Build();
        if (builder.MinimumRunBytes == 0 && volume.LengthBytes - map.UsedBytes != freeSpace.FreeBlockCount * superblock.BlockSizeBytes)
            throw new FileSystemFormatException("xfs: the log or a group's headers lie in space that is called free");
        if (!map.Covers(new ByteRange(superblock.RootInodeOffsetBytes, superblock.BlockSizeBytes)))
            throw new FileSystemFormatException("xfs: the root directory's inode lies in space that is called free");
        return map;
    }
}
