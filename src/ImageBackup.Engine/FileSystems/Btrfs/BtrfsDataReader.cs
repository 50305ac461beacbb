using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>Reads data by its address, and proves it by the checksums of its sectors; of two copies the one that is right.</summary>
internal sealed class BtrfsDataReader(IBlockReader volume, BtrfsSuperblock superblock, BtrfsChunkMap chunks, BtrfsItems items, BtrfsRoot? checksums)
{
    private const ulong ChecksumObjectId = unchecked((ulong)-10L);

    public int SectorSizeBytes => superblock.SectorSizeBytes;

    /// <summary>Whole sectors.</summary>
    /// <param name="address">In the file system's own address space.</param>
    /// <param name="lengthBytes">The caller bounds it.</param>
    /// <param name="isChecked">False: the file has no checksums.</param>
    /// <exception cref="FileSystemFormatException">No copy has the right checksum, or no chunk has the address.</exception>
    public byte[] Read(long address, int lengthBytes, bool isChecked)
    {
        int sector = superblock.SectorSizeBytes;
        if (address % sector != 0 || lengthBytes % sector != 0)
            throw new FileSystemFormatException($"btrfs: the extent {address}+{lengthBytes} is not one of sectors");
        BtrfsChunkMap.Chunk chunk = chunks.Find(address, lengthBytes);
        byte[] bytes = volume.ReadExact(chunk.OffsetBytes + (address - chunk.StartBytes), lengthBytes);
        if (!isChecked || checksums is null || !superblock.VerifiesChecksums)
            return bytes;
        BtrfsItem? item = null;
        for (int at = 0; at < lengthBytes; at += sector)
        {
            ReadOnlySpan<byte> expected = FindChecksum(ref item, address + at);
            if (expected.Length == 0 || Matches(bytes, at, expected))
                continue;
            if (chunk.SecondOffsetBytes >= 0)
            {
                volume.ReadExact(chunk.SecondOffsetBytes + (address + at - chunk.StartBytes), bytes.AsSpan(at, sector));
                if (Matches(bytes, at, expected))
                    continue;
            }
            throw new FileSystemFormatException($"btrfs: the data at {address + at} does not match its checksum");
        }
        return bytes;
    }

    /// <summary>Where on the volume the first copy of an extent lies.</summary>
    /// <exception cref="FileSystemFormatException">No chunk has the address.</exception>
    public long Locate(long address, long lengthBytes)
    {
        BtrfsChunkMap.Chunk chunk = chunks.Find(address, lengthBytes);
        return chunk.OffsetBytes + (address - chunk.StartBytes);
    }

    private bool Matches(byte[] bytes, int at, ReadOnlySpan<byte> expected)
    {
        Span<byte> actual = stackalloc byte[BtrfsChecksum.LengthBytes];
        int length = BtrfsChecksum.Compute(superblock.ChecksumType, bytes, at, superblock.SectorSizeBytes, actual);
        return expected.SequenceEqual(actual.Slice(0, length));
    }

    // An item holds the checksums of sectors that follow each other. Empty: the sector has none.
    private ReadOnlySpan<byte> FindChecksum(ref BtrfsItem? item, long address)
    {
        int size = BtrfsChecksum.SizeBytes(superblock.ChecksumType);
        for (int attempt = 0; attempt < 2; attempt++)
        {
            if (item is { } known && known.Key is { ObjectId: ChecksumObjectId, Type: BtrfsKey.ExtentChecksum } key && (ulong)address >= key.Offset)
            {
                ulong index = ((ulong)address - key.Offset) / (ulong)superblock.SectorSizeBytes;
                if (index < (ulong)(known.Bytes.Length / size))
                    return known.Bytes.Span.Slice((int)index * size, size);
            }
            if (attempt == 0)
                item = items.Floor(checksums!, new BtrfsKey(ChecksumObjectId, BtrfsKey.ExtentChecksum, (ulong)address));
        }
        return default;
    }
}
