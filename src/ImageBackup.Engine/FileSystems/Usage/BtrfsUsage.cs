using System;
using System.Globalization;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Btrfs;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>
/// btrfs names no computer and no time in its superblock. A log tree is there only between a program's fsync and the next commit, half a minute
/// later: the kernel that wrote it has not unmounted, and may go on. Layout: kernel, fs/btrfs, struct btrfs_super_block.
/// </summary>
internal static class BtrfsUsage
{
    private const int SuperblockOffset = 64 << 10;
    private const int SuperblockBytes = 4096;
    private const int UuidOffset = 0x20;
    private const int GenerationOffset = 0x48;
    private const int LogRootOffset = 0x60;

    public static UsageSign? Read(IBlockReader volume, UsageContext context)
    {
        if (BtrfsSuperblock.Describe(volume) is null || volume.TryRead(SuperblockOffset, SuperblockBytes) is not { } bytes)
            return null;
        ulong log = LittleEndian.UInt64(bytes, LogRootOffset);
        return new UsageSign
        {
            Type = "btrfs",
            Id = VolumeStructures.Uuid(bytes.AsSpan(UuidOffset, 16)),
            Trace = string.Format(CultureInfo.InvariantCulture, "{0} {1} {2}",
                VolumeStructures.Uuid(bytes.AsSpan(UuidOffset, 16)), LittleEndian.UInt64(bytes, GenerationOffset), log),
            Elsewhere = log == 0 ? null : "it has a log tree, which an unmount would have removed: another computer has it mounted, or one crashed with it",
        };
    }
}
