using System;
using System.Globalization;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Xfs;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>
/// XFS names no computer and no mount time. A log without its unmount record says that it is mounted or was not unmounted, and the
/// root directory's times say since when. Layouts: "XFS Filesystem Disk Structures" (superblock; inode core, its bigtime times).
/// </summary>
internal static class XfsUsage
{
    private const int SuperblockBytes = 512;
    private const int InodeBytes = 176;
    private const ushort InodeMagic = 0x494E;
    private const ulong BigTimeFlag = 1 << 3;
    private const long BigTimeStartSeconds = -(1L << 31);

    public static UsageSign? Read(IBlockReader volume, UsageContext context)
    {
        if (volume.TryRead(0, SuperblockBytes) is not { } bytes || XfsSuperblock.Describe(volume) is null)
            return null;
        DateTimeOffset? touched = RootTime(volume, bytes);
        bool? isClean = new XfsReader().Probe(volume)?.IsClean;
        return new UsageSign
        {
            Type = "xfs",
            Id = VolumeStructures.Uuid(bytes.AsSpan(32, 16)),
            // The free-space counters and the root's times; the log's own cycle moves with every transaction.
            Trace = string.Format(CultureInfo.InvariantCulture, "{0} {1} {2} {3} {4}", VolumeStructures.Uuid(bytes.AsSpan(32, 16)),
                touched?.ToUnixTimeMilliseconds(), BigEndian.UInt64(bytes, 128), BigEndian.UInt64(bytes, 144), isClean),
            Elsewhere = isClean == false ? UsageSigns.WrittenSinceStart(touched, context) : null,
        };
    }

    /// <summary>The newest of the root directory's times; null if the inode cannot be found.</summary>
    private static DateTimeOffset? RootTime(IBlockReader volume, byte[] superblock)
    {
        ulong inode = BigEndian.UInt64(superblock, 56);
        long blockBytes = BigEndian.UInt32(superblock, 4), groupBlocks = BigEndian.UInt32(superblock, 84);
        int inodeBytes = BigEndian.UInt16(superblock, 104), perBlockLog = superblock[123], groupLog = superblock[124];
        if (perBlockLog > 16 || groupLog > 32)
            return null;
        ulong group = inode >> (groupLog + perBlockLog), block = (inode >> perBlockLog) & ((1UL << groupLog) - 1), slot = inode & ((1UL << perBlockLog) - 1);
        if (group > int.MaxValue || blockBytes > 65536)
            return null;
        long offset = ((long)group * groupBlocks + (long)block) * blockBytes + (long)slot * inodeBytes;
        if (volume.TryRead(offset, InodeBytes) is not { } core || BigEndian.UInt16(core, 0) != InodeMagic)
            return null;
        bool isBig = core[4] >= 3 && (BigEndian.UInt64(core, 120) & BigTimeFlag) != 0;
        DateTimeOffset? newest = null;
        foreach (int at in new[] { 32, 40, 48 })
        {
            long seconds = isBig ? (long)(BigEndian.UInt64(core, at) / 1_000_000_000) + BigTimeStartSeconds : (int)BigEndian.UInt32(core, at);
            if (UsageSigns.UnixTime(seconds) is { } time && (newest is null || time > newest))
                newest = time;
        }
        return newest;
    }
}
