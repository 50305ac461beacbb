using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>A name in a directory and the file record that it stands for.</summary>
internal readonly record struct NtfsDirectoryEntry(string Name, NtfsFileReference Reference);

/// <summary>
/// Lists a directory: the entries of $INDEX_ROOT and of every block of $INDEX_ALLOCATION that the index's $BITMAP
/// calls used. The tree's order does not matter here, so no pointer is followed and no cycle can be met.
/// </summary>
internal static class NtfsDirectory
{
    private const string IndexName = "$I30";
    private const int BlockHeaderBytes = 0x18;
    private const int FileNameBytes = 0x42;
    private const ushort LastEntryFlag = 2;
    private const byte DosNamespace = 2;

    /// <summary>Some 100,000 entries: more than a root or a shadow directory has.</summary>
    private const long MaxIndexBytes = 16 << 20;

    /// <exception cref="FileSystemFormatException">Damaged or too large.</exception>
    public static List<NtfsDirectoryEntry> Read(NtfsVolume ntfs, long number, CancellationToken cancellation)
    {
        NtfsFileRecord record = ntfs.ReadRecord(number);
        NtfsStream root = ntfs.OpenStream(record, number, NtfsAttributeType.IndexRoot, IndexName)
            ?? throw new FileSystemFormatException("NTFS: a directory has no index");
        if (!root.IsResident)
            throw new FileSystemFormatException("NTFS: a directory's index root is not in its record");
        var entries = new List<NtfsDirectoryEntry>();
        var rootBytes = new byte[(int)root.DataSizeBytes];
        root.Read(0, rootBytes);
        AddEntries(entries, rootBytes, 0x10);

        if (ntfs.OpenStream(record, number, NtfsAttributeType.IndexAllocation, IndexName) is { } blocks)
        {
            NtfsStream bitmap = ntfs.OpenStream(record, number, NtfsAttributeType.Bitmap, IndexName)
                ?? throw new FileSystemFormatException("NTFS: a directory's blocks have no bitmap");
            AddBlocks(entries, blocks, bitmap, LittleEndian.UInt32(rootBytes, 8), cancellation);
        }
        return entries;
    }

    private static void AddBlocks(
        List<NtfsDirectoryEntry> entries, NtfsStream blocks, NtfsStream bitmap, uint blockBytes, CancellationToken cancellation)
    {
        if (blockBytes is < 512 or > (64 << 10) || (blockBytes & (blockBytes - 1)) != 0)
            throw new FileSystemFormatException("NTFS: a directory has a bad block size");
        if (blocks.DataSizeBytes > MaxIndexBytes)
            throw new FileSystemFormatException("NTFS: a directory is too large");
        int blockCount = (int)(blocks.DataSizeBytes / blockBytes);
        var used = new byte[(int)Math.Min(bitmap.DataSizeBytes, (blockCount + 7) / 8)];
        bitmap.Read(0, used);
        var block = new byte[(int)blockBytes];
        for (int i = 0; i < blockCount && i < used.Length * 8; i++)
        {
            if ((used[i >> 3] >> (i & 7) & 1) == 0)
                continue;
            cancellation.ThrowIfCancellationRequested();
            blocks.Read(i * (long)blockBytes, block);
            NtfsMultiSector.Restore(block, "INDX"u8, "a directory block");
            AddEntries(entries, block, BlockHeaderBytes);
        }
    }

    private static void AddEntries(List<NtfsDirectoryEntry> entries, ReadOnlySpan<byte> bytes, int headerOffset)
    {
        uint first = LittleEndian.UInt32(bytes, headerOffset);
        uint end = LittleEndian.UInt32(bytes, headerOffset + 4);
        if (end > (uint)(bytes.Length - headerOffset) || first < 0x10 || first > end)
            throw new FileSystemFormatException("NTFS: a directory block has bad lengths");
        ReadOnlySpan<byte> rest = bytes.Slice(headerOffset + (int)first, (int)(end - first));
        while (true)
        {
            int length = LittleEndian.UInt16(rest, 8);
            if (length < 0x10 || length > rest.Length)
                throw new FileSystemFormatException("NTFS: a directory entry has a bad length");
            if ((LittleEndian.UInt16(rest, 0xC) & LastEntryFlag) != 0)
                return;
            ReadOnlySpan<byte> key = StructureBounds.Field(rest.Slice(0, length), 0x10, LittleEndian.UInt16(rest, 0xA));
            ReadOnlySpan<byte> name = StructureBounds.Field(key, FileNameBytes, LittleEndian.UInt8(key, 0x40) * 2);
            if (LittleEndian.UInt8(key, 0x41) != DosNamespace)
                entries.Add(new NtfsDirectoryEntry(Encoding.Unicode.GetString(name.ToArray()), new NtfsFileReference(LittleEndian.UInt64(rest, 0))));
            rest = rest.Slice(length);
        }
    }
}
