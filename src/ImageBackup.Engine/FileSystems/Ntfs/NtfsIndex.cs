using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>A name in a directory and the file record that it stands for. The other members are what the index repeats of the file: they may be out of date.</summary>
internal readonly record struct NtfsDirectoryEntry(string Name, NtfsFileReference Reference, uint Attributes = 0, ulong SizeBytes = 0);

/// <summary>
/// The index of a directory's names: $INDEX_ROOT, and the blocks of $INDEX_ALLOCATION that the index's $BITMAP calls used. Names that
/// are only those of DOS are passed over.
/// </summary>
internal sealed class NtfsIndex
{
    private const string IndexName = "$I30";
    private const int RootHeaderBytes = 0x10;
    private const int BlockHeaderBytes = 0x18;
    private const int FileNameBytes = 0x42;
    private const ushort HasChildFlag = 1;
    private const ushort LastEntryFlag = 2;
    private const byte DosNamespace = 2;
    private const int SubClusterUnitBytes = 512;

    /// <summary>A tree of 512-byte blocks with two entries each would have so many levels for 2^20 names, which no driver makes.</summary>
    private const int MaxDepth = 20;
    private const int BitmapWindowBytes = 32 << 10;

    private readonly byte[] _root;
    private readonly int _blockBytes;
    private readonly int _clusterSizeBytes;
    private readonly NtfsStream? _blocks;
    private readonly NtfsStream? _bitmap;

    private NtfsIndex(NtfsVolume ntfs, NtfsFileRecord record, long number)
    {
        NtfsStream root = ntfs.OpenStream(record, number, NtfsAttributeType.IndexRoot, IndexName)
            ?? throw new FileSystemFormatException("NTFS: a directory has no index");
        if (!root.IsResident)
            throw new FileSystemFormatException("NTFS: a directory's index root is not in its record");
        _root = new byte[(int)root.DataSizeBytes];
        root.Read(0, _root);
        _clusterSizeBytes = ntfs.Geometry.ClusterSizeBytes;
        _blocks = ntfs.OpenStream(record, number, NtfsAttributeType.IndexAllocation, IndexName);
        if (_blocks is null)
            return;
        _bitmap = ntfs.OpenStream(record, number, NtfsAttributeType.Bitmap, IndexName)
            ?? throw new FileSystemFormatException("NTFS: a directory's blocks have no bitmap");
        uint blockBytes = LittleEndian.UInt32(_root, 8);
        if (blockBytes is < 512 or > (64 << 10) || (blockBytes & (blockBytes - 1)) != 0)
            throw new FileSystemFormatException("NTFS: a directory has a bad block size");
        if (_blocks.DataSizeBytes > ntfs.Geometry.SizeBytes)
            throw new FileSystemFormatException("NTFS: a directory is larger than its volume");
        _blockBytes = (int)blockBytes;
    }

    /// <summary>The blocks' length; 0: all entries are in the root.</summary>
    public long BlocksBytes => _blocks?.DataSizeBytes ?? 0;

    /// <exception cref="FileSystemFormatException">Not a directory, or damaged.</exception>
    public static NtfsIndex Open(NtfsVolume ntfs, NtfsFileRecord record, long number) => new(ntfs, record, number);

    /// <summary>
    /// The entries as they lie there. The tree's order does not matter for this, so no pointer is followed and no cycle can be met.
    /// </summary>
    /// <exception cref="FileSystemFormatException">Damaged: what came before is good.</exception>
    public IEnumerable<NtfsDirectoryEntry> List(CancellationToken cancellation)
    {
        foreach (NtfsDirectoryEntry entry in ReadEntries(_root, RootHeaderBytes))
            yield return entry;
        if (_blocks is null)
            yield break;
        long blockCount = _blocks.DataSizeBytes / _blockBytes;
        long bitmapBytes = Math.Min(_bitmap!.DataSizeBytes, (blockCount + 7) / 8);
        var used = new byte[(int)Math.Min(bitmapBytes, BitmapWindowBytes)];
        for (long at = 0; at < bitmapBytes; at += used.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(used.Length, bitmapBytes - at);
            _bitmap.Read(at, used.AsSpan(0, count));
            for (int i = 0; i < count; i++)
            {
                for (int bit = 0; used[i] >> bit != 0; bit++)
                {
                    long block = (at + i) * 8 + bit;
                    if ((used[i] >> bit & 1) == 0 || block >= blockCount)
                        continue;
                    cancellation.ThrowIfCancellationRequested();
                    foreach (NtfsDirectoryEntry entry in ReadEntries(ReadBlock(block * _blockBytes), BlockHeaderBytes))
                        yield return entry;
                }
            }
        }
    }

    /// <summary>One entry, by the tree: that very name, else one that differs in case only; null if there is none.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public NtfsDirectoryEntry? Find(string name, NtfsUpcase upcase)
    {
        NtfsDirectoryEntry? alike = null;
        byte[] node = _root;
        int header = RootHeaderBytes;
        for (int depth = 0; depth < MaxDepth; depth++)
        {
            ReadOnlySpan<byte> rest = Entries(node, header);
            long child = -1;
            while (true)
            {
                ReadOnlySpan<byte> bytes = Next(ref rest, out bool isLast);
                int order = -1;
                if (!isLast)
                {
                    NtfsDirectoryEntry entry = Read(bytes, out bool isDosOnly);
                    order = upcase.Compare(name, entry.Name);
                    if (order == 0 && !isDosOnly)
                        return entry;
                    // Names that differ in case only are neighbours: the way to where the name would be passes one of them.
                    if (!isDosOnly && upcase.AreEqual(name, entry.Name))
                        alike = entry;
                    if (order == 0)
                        return alike;
                }
                if (order < 0)
                {
                    if ((LittleEndian.UInt16(bytes, 0xC) & HasChildFlag) != 0)
                        child = LittleEndian.Int63(bytes, bytes.Length - 8);
                    break;
                }
            }
            if (child < 0)
                return alike;
            if (_blocks is null)
                throw new FileSystemFormatException("NTFS: a directory refers to blocks that it does not have");
            int unit = _blockBytes >= _clusterSizeBytes ? _clusterSizeBytes : SubClusterUnitBytes;
            if (child > _blocks.DataSizeBytes / unit)
                throw new FileSystemFormatException("NTFS: a directory refers to a block behind its end");
            node = ReadBlock(child * unit);
            header = BlockHeaderBytes;
        }
        throw new FileSystemFormatException("NTFS: a directory's index is too deep");
    }

    private byte[] ReadBlock(long offsetBytes)
    {
        var block = new byte[_blockBytes];
        _blocks!.Read(offsetBytes, block);
        NtfsMultiSector.Restore(block, "INDX"u8, "a directory block");
        return block;
    }

    private static List<NtfsDirectoryEntry> ReadEntries(byte[] node, int headerOffset)
    {
        var entries = new List<NtfsDirectoryEntry>();
        ReadOnlySpan<byte> rest = Entries(node, headerOffset);
        while (true)
        {
            ReadOnlySpan<byte> bytes = Next(ref rest, out bool isLast);
            if (isLast)
                return entries;
            NtfsDirectoryEntry entry = Read(bytes, out bool isDosOnly);
            if (!isDosOnly)
                entries.Add(entry);
        }
    }

    private static ReadOnlySpan<byte> Entries(byte[] node, int headerOffset)
    {
        uint first = LittleEndian.UInt32(node, headerOffset);
        uint end = LittleEndian.UInt32(node, headerOffset + 4);
        if (end > (uint)(node.Length - headerOffset) || first < 0x10 || first > end)
            throw new FileSystemFormatException("NTFS: a directory block has bad lengths");
        return node.AsSpan(headerOffset + (int)first, (int)(end - first));
    }

    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> rest, out bool isLast)
    {
        int length = LittleEndian.UInt16(rest, 8);
        if (length < 0x10 || length > rest.Length)
            throw new FileSystemFormatException("NTFS: a directory entry has a bad length");
        ReadOnlySpan<byte> entry = rest.Slice(0, length);
        isLast = (LittleEndian.UInt16(entry, 0xC) & LastEntryFlag) != 0;
        rest = rest.Slice(length);
        return entry;
    }

    private static NtfsDirectoryEntry Read(ReadOnlySpan<byte> entry, out bool isDosOnly)
    {
        ReadOnlySpan<byte> key = StructureBounds.Field(entry, 0x10, LittleEndian.UInt16(entry, 0xA));
        ReadOnlySpan<byte> name = StructureBounds.Field(key, FileNameBytes, LittleEndian.UInt8(key, 0x40) * 2);
        isDosOnly = LittleEndian.UInt8(key, 0x41) == DosNamespace;
        return new NtfsDirectoryEntry(Encoding.Unicode.GetString(name.ToArray()), new NtfsFileReference(LittleEndian.UInt64(entry, 0)),
            LittleEndian.UInt32(key, 0x38), LittleEndian.UInt64(key, 0x30));
    }
}
