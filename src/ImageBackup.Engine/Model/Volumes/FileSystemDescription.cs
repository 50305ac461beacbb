using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup;

/// <summary>What a probe found. Sizes in bytes; null = the file system does not say.</summary>
internal sealed record FileSystemDescription
{
    /// <summary>The name users know: ntfs, ext2, ext3, ext4, xfs, btrfs, vfat, exfat, swap, crypto_LUKS, BitLocker, ReFS, f2fs ...; blkid's name if it has one.</summary>
    public required string Type { get; init; }
    public string? Label { get; init; }

    /// <summary>UUID or serial, written as blkid writes it.</summary>
    public string? Uuid { get; init; }

    /// <summary>This device's own id in a file system that may lie on several devices, which share <see cref="Uuid"/> (btrfs).</summary>
    public string? DeviceUuid { get; init; }
    public string? Version { get; init; }

    /// <summary>Size that the file system itself claims, in bytes; may be less than the volume's.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>Allocation unit in bytes (cluster, block).</summary>
    public int? ClusterSizeBytes { get; init; }

    /// <summary>Used bytes by the file system's own counters, if the superblock has them.</summary>
    public long? UsedBytes { get; init; }

    /// <summary>Whether it was cleanly unmounted; null if it cannot be told.</summary>
    public bool? IsClean { get; init; }

    /// <summary>True if the bytes are ciphertext (LUKS, BitLocker): copied whole.</summary>
    public bool IsEncrypted { get; init; }

    /// <summary>The bytes by which it was recognised, sorted by offset: if all are zeroed it is not recognised again.</summary>
    internal IReadOnlyList<ByteRange> Marks { get; init; } = Array.Empty<ByteRange>();
}
