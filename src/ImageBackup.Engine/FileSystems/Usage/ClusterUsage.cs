using System;
using System.Globalization;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Usage;

/// <summary>File systems that several computers have mounted at once, unless they say that they are one computer's.</summary>
internal static class ClusterUsage
{
    private const uint Gfs2Magic = 0x01161970;
    private const int Gfs2Offset = 64 << 10;
    private const uint Ocfs2LocalMount = 0x8;
    private const int VmfsVolumeOffset = 1 << 20;
    private const int VmfsOffset = 2 << 20;

    /// <summary>Linux kernel, include/uapi/linux/gfs2_ondisk.h, struct gfs2_sb, big-endian.</summary>
    public static UsageSign? ReadGfs2(IBlockReader volume, UsageContext context)
    {
        if (volume.TryRead(Gfs2Offset, 512) is not { } bytes || BigEndian.UInt32(bytes, 0) != Gfs2Magic || BigEndian.UInt32(bytes, 4) != 1)
            return null;
        string? protocol = UsageSigns.Name(bytes.AsSpan(0x60, 64)), table = UsageSigns.Name(bytes.AsSpan(0xA0, 64));
        return new UsageSign
        {
            Type = "gfs2",
            Trace = string.Format(CultureInfo.InvariantCulture, "{0} {1}", protocol, table),
            Elsewhere = protocol is null or "lock_nolock" ? null : $"it is a cluster's file system ({protocol}, '{table}')",
        };
    }

    /// <summary>Linux kernel, fs/ocfs2/ocfs2_fs.h, struct ocfs2_super_block in a struct ocfs2_dinode, little-endian.</summary>
    public static UsageSign? ReadOcfs2(IBlockReader volume, UsageContext context)
    {
        foreach (int offset in new[] { 1024, 2048, 4096, 8192 })
        {
            if (volume.TryRead(offset, 512) is not { } bytes || !bytes.AsSpan().StartsWith("OCFSV2"u8))
                continue;
            bool isLocal = (LittleEndian.UInt32(bytes, 0xE0) & Ocfs2LocalMount) != 0;
            return new UsageSign
            {
                Type = "ocfs2",
                Trace = VolumeStructures.Uuid(bytes.AsSpan(0x150, 16)) ?? "",
                Elsewhere = isLocal ? null : "it is a cluster's file system",
            };
        }
        return null;
    }

    /// <summary>The marks that blkid knows VMFS and its volumes by.</summary>
    public static UsageSign? ReadVmfs(IBlockReader volume, UsageContext context)
    {
        bool isMember = volume.TryRead(VmfsVolumeOffset, 4) is { } member && LittleEndian.UInt32(member, 0) == 0xC001D00D;
        bool isFileSystem = volume.TryRead(VmfsOffset, 4) is { } super && LittleEndian.UInt32(super, 0) == 0x2FABF15E;
        return isMember || isFileSystem
            ? new UsageSign { Type = isMember ? "VMFS_volume_member" : "VMFS", Trace = "vmfs", Elsewhere = "it is a VMware datastore, which ESXi hosts share" }
            : null;
    }
}
