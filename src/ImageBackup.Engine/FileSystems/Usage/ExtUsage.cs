using System;
using System.Globalization;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Ext;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>
/// ext2, ext3 and ext4: multiple mount protection names the computer that has it mounted; else the superblock says whether it was
/// unmounted, and when it was written. Layouts: Linux kernel, Documentation/filesystems/ext4, "Super Block" and "Multiple Mount Protection".
/// </summary>
internal static class ExtUsage
{
    private const int MountTimeOffset = 0x2C;
    private const int WriteTimeOffset = 0x30;
    private const int MountCountOffset = 0x34;
    private const int IncompatOffset = 0x60;
    private const int UuidOffset = 0x68;
    private const int LastMountedOffset = 0x88;
    private const int LastMountedBytes = 64;
    private const int ProtectionBlockOffset = 0x168;
    private const int WriteTimeHighOffset = 0x274;
    private const int MountTimeHighOffset = 0x275;
    private const uint IncompatProtection = 0x100;

    private const int ProtectionBytes = 1024;
    private const uint ProtectionMagic = 0x004D4D50;
    private const uint SequenceClean = 0xFF4D4D50;
    private const uint SequenceCheck = 0xE24D4D50;

    public static UsageSign? Read(IBlockReader volume, UsageContext context)
    {
        if (volume.TryRead(ExtSuperblock.OffsetBytes, ExtSuperblock.LengthBytes) is not { } bytes || ExtSuperblock.Describe(bytes) is not { } description)
            return null;
        DateTimeOffset? mounted = Time(bytes, MountTimeOffset, MountTimeHighOffset);
        DateTimeOffset? written = Time(bytes, WriteTimeOffset, WriteTimeHighOffset);
        (uint sequence, string? node, DateTimeOffset? beat) = ReadProtection(volume, bytes);
        return new UsageSign
        {
            Type = description.Type,
            Id = description.Uuid,
            Trace = string.Format(CultureInfo.InvariantCulture, "{0} {1} {2} {3} {4}",
                VolumeStructures.Uuid(bytes.AsSpan(UuidOffset, 16)), mounted?.ToUnixTimeSeconds(), written?.ToUnixTimeSeconds(),
                LittleEndian.UInt16(bytes, MountCountOffset), sequence),
            LastMountedTime = mounted,
            LastMountPoint = UsageSigns.Name(bytes.AsSpan(LastMountedOffset, LastMountedBytes)),
            Elsewhere = Elsewhere(description.IsClean, written is null || mounted > written ? mounted : written, sequence, node, beat, context),
        };
    }

    private static string? Elsewhere(bool? isClean, DateTimeOffset? written, uint sequence, string? node, DateTimeOffset? beat, UsageContext context)
    {
        if (sequence is not (0 or SequenceClean))
        {
            if (node is not null && context.IsThisComputer(node))
                return null;
            string who = node is null ? "another computer" : $"the computer '{node}'";
            string what = sequence == SequenceCheck ? "is checking it" : "has it mounted";
            return $"its multiple mount protection says that {who} {what}{(beat is { } time ? $" (at {UsageSigns.Text(time)})" : "")}";
        }
        return isClean == false ? UsageSigns.WrittenSinceStart(written, context) : null;
    }

    /// <summary>Zeros if it is off or cannot be read.</summary>
    private static (uint Sequence, string? Node, DateTimeOffset? Beat) ReadProtection(IBlockReader volume, byte[] superblock)
    {
        if ((LittleEndian.UInt32(superblock, IncompatOffset) & IncompatProtection) == 0)
            return default;
        ulong block = LittleEndian.UInt64(superblock, ProtectionBlockOffset);
        int blockSizeBytes = 1024 << (int)LittleEndian.UInt32(superblock, 0x18);
        if (block == 0 || block > (ulong)(volume.LengthBytes / blockSizeBytes)
            || volume.TryRead((long)block * blockSizeBytes, ProtectionBytes) is not { } bytes || LittleEndian.UInt32(bytes, 0) != ProtectionMagic)
            return default;
        ulong seconds = LittleEndian.UInt64(bytes, 8);
        return (LittleEndian.UInt32(bytes, 4), UsageSigns.Name(bytes.AsSpan(16, 64)), seconds <= long.MaxValue ? UsageSigns.UnixTime((long)seconds) : null);
    }

    private static DateTimeOffset? Time(byte[] bytes, int offset, int highOffset) =>
        UsageSigns.UnixTime(LittleEndian.UInt32(bytes, offset) | ((long)bytes[highOffset] << 32));
}
