using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems;

/// <summary>
/// Recognises one file system on a volume and says which of its bytes are in use, from the raw bytes alone.
/// </summary>
/// <remarks>
/// Contract: stateless; any thread. Only <see cref="IBlockReader.ReadAt"/> is used, so it works on shadow
/// copies, snapshots, image files and foreign disks alike. The bytes are hostile: every length is bounded
/// before it is used, time and memory are bounded, and the only exceptions are
/// <see cref="FileSystemFormatException"/>, <see cref="BlockReadException"/> (passed on from the reader) and
/// <see cref="OperationCanceledException"/>.
/// </remarks>
public interface IFileSystemReader
{
    /// <summary>
    /// What lies on the volume, or null where it is not this file system. A superblock that carries the magic
    /// but is damaged is recognised as far as it can be read, or null; never an exception for bad bytes.
    /// </summary>
    FileSystemDescription? Probe(IBlockReader volume);

    /// <summary>
    /// The used bytes: starts all-used, clears only what is proven free, and is reconciled with the file
    /// system's own free counts. Bytes outside the file system but inside the volume are used unless proven free.
    /// </summary>
    /// <exception cref="FileSystemFormatException">
    /// Damaged, of an unknown feature, or map and counters disagree: the caller copies the whole volume and
    /// passes the message on as a warning.
    /// </exception>
    UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation);
}

/// <summary>What a probe found. Sizes in bytes; null = the file system does not say.</summary>
public sealed record FileSystemDescription
{
    /// <summary>The name users know: ntfs, ext2, ext3, ext4, xfs, btrfs, vfat, exfat, swap, crypto_LUKS, BitLocker, ReFS, f2fs ...; blkid's name where it has one.</summary>
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

    /// <summary>Used bytes by the file system's own counters, where the superblock has them.</summary>
    public long? UsedBytes { get; init; }

    /// <summary>Whether it was cleanly unmounted; null where it cannot be told.</summary>
    public bool? IsClean { get; init; }

    /// <summary>True where the bytes are ciphertext (LUKS, BitLocker): copied whole.</summary>
    public bool IsEncrypted { get; init; }

    /// <summary>The bytes by which it was recognised, sorted by offset: where all are zeroed it is not recognised again.</summary>
    internal IReadOnlyList<ByteRange> Marks { get; init; } = Array.Empty<ByteRange>();
}

/// <summary>The used ranges of a volume: sorted by offset, disjoint, not adjacent, inside the volume.</summary>
public sealed record UsedRangeMap
{
    public required IReadOnlyList<ByteRange> Ranges { get; init; }

    /// <summary>The granularity of the map in bytes.</summary>
    public required int ClusterSizeBytes { get; init; }

    /// <summary>Sum of the ranges' lengths in bytes.</summary>
    public required long UsedBytes { get; init; }

    /// <summary>Remarks for the user that do not stop the map's use.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();
}

/// <summary>The bytes are not a file system that the reader can vouch for. The only parser exception of this layer.</summary>
public sealed class FileSystemFormatException(string message, Exception? inner = null) : Exception(message, inner);
