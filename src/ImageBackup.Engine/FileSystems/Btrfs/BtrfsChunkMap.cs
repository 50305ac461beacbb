using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>
/// Where the file system's own address space lies on the device: chunks, each with one copy (SINGLE) or two (DUP).
/// </summary>
internal sealed class BtrfsChunkMap
{
    private const ulong TypeData = 0x1;
    private const ulong TypeSystem = 0x2;
    private const ulong TypeMetadata = 0x4;
    private const ulong ProfileDuplicate = 0x20;
    private const int HeaderLengthBytes = 48;
    private const int StripeLengthBytes = 32;
    private const int MaxChunkCount = 1 << 20;

    private readonly BtrfsSuperblock _superblock;
    private readonly SortedDictionary<long, Chunk> _byStart = [];
    private Chunk[] _sorted = [];

    public BtrfsChunkMap(BtrfsSuperblock superblock)
    {
        _superblock = superblock;
        ReadOnlySpan<byte> bytes = superblock.SystemChunks;
        for (int at = 0; at < bytes.Length;)
        {
            BtrfsKey key = BtrfsKey.Read(bytes, at);
            at += BtrfsKey.LengthBytes;
            if (key.Type != BtrfsKey.ChunkItem)
                throw new FileSystemFormatException("btrfs: the superblock's chunk list holds something else");
            at += Add(key, bytes.Slice(at));
        }
        Sort();
    }

    /// <summary>A piece of the address space; <see cref="SecondOffsetBytes"/> is -1 if there is one copy.</summary>
    public readonly record struct Chunk(long StartBytes, long LengthBytes, long OffsetBytes, long SecondOffsetBytes)
    {
        public long EndBytes => StartBytes + LengthBytes;
    }

    /// <summary>Sorted by address.</summary>
    public IReadOnlyList<Chunk> Chunks => _sorted;

    /// <summary>Takes a chunk item; the same chunk may come twice. Returns the item's length in bytes.</summary>
    /// <exception cref="FileSystemFormatException">Damaged, or of a profile that is not read.</exception>
    public int Add(BtrfsKey key, ReadOnlySpan<byte> item)
    {
        long start = StructureBounds.Signed(key.Offset, 0);
        long length = LittleEndian.Int63(item, 0);
        ulong type = LittleEndian.UInt64(item, 24);
        int stripeCount = LittleEndian.UInt16(item, 44);
        ulong profile = type & ~(TypeData | TypeSystem | TypeMetadata);
        if (profile is not (0 or ProfileDuplicate))
            throw new FileSystemFormatException($"btrfs: a chunk has the profile 0x{profile:x}, which is not read: copied whole");
        if (stripeCount != (profile == 0 ? 1 : 2) || length == 0 || length % _superblock.SectorSizeBytes != 0
            || start % _superblock.SectorSizeBytes != 0 || start > long.MaxValue - length)
            throw new FileSystemFormatException($"btrfs: the chunk at {start} is damaged");
        Span<long> offsets = stackalloc long[2];
        offsets[1] = -1;
        for (int i = 0; i < stripeCount; i++)
        {
            ReadOnlySpan<byte> stripe = StructureBounds.Field(item, HeaderLengthBytes + i * StripeLengthBytes, StripeLengthBytes);
            offsets[i] = LittleEndian.Int63(stripe, 8);
            if (LittleEndian.UInt64(stripe, 0) != _superblock.DeviceId)
                throw new FileSystemFormatException("btrfs: a chunk lies on another device: copied whole");
            if (offsets[i] % _superblock.SectorSizeBytes != 0 || offsets[i] > _superblock.DeviceLengthBytes - length)
                throw new FileSystemFormatException($"btrfs: the chunk at {start} lies outside the device");
        }
        var chunk = new Chunk(start, length, offsets[0], offsets[1]);
        if (_byStart.TryGetValue(start, out Chunk known) && known != chunk)
            throw new FileSystemFormatException($"btrfs: the chunk at {start} is described twice, differently");
        _byStart[start] = chunk;
        if (_byStart.Count > MaxChunkCount)
            throw new FileSystemFormatException("btrfs: more chunks than are read");
        return HeaderLengthBytes + stripeCount * StripeLengthBytes;
    }

    /// <summary>Makes what was added findable, after checking that no two chunks share an address.</summary>
    public void Sort()
    {
        _sorted = new Chunk[_byStart.Count];
        _byStart.Values.CopyTo(_sorted, 0);
        for (int i = 1; i < _sorted.Length; i++)
        {
            if (_sorted[i].StartBytes < _sorted[i - 1].EndBytes)
                throw new FileSystemFormatException($"btrfs: two chunks share the address {_sorted[i].StartBytes}");
        }
    }

    /// <summary>The chunk that holds the whole range.</summary>
    /// <exception cref="FileSystemFormatException">There is none.</exception>
    public Chunk Find(long address, long lengthBytes)
    {
        int low = 0;
        int high = _sorted.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            Chunk chunk = _sorted[middle];
            if (address < chunk.StartBytes)
                high = middle - 1;
            else if (address >= chunk.EndBytes)
                low = middle + 1;
            else if (lengthBytes <= chunk.EndBytes - address)
                return chunk;
            else
                break;
        }
        throw new FileSystemFormatException($"btrfs: the range {address}+{lengthBytes} lies in no chunk");
    }
}
