using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Sealing;

namespace ImageBackup.Engine.Repository.Packs;

/// <summary>One blob of a pack, as the header tells it; offsets follow from the lengths before.</summary>
internal readonly record struct PackEntry(BlobId Id, BlobType Type, uint OffsetBytes, uint LengthBytes, uint UncompressedLengthBytes)
{
    public PackEntry(BlobId id, BlobLocation location)
        : this(id, location.Type, location.OffsetBytes, location.LengthBytes, location.UncompressedLengthBytes)
    {
    }

    /// <summary>Where the blob is, as an index has it.</summary>
    public BlobLocation In(BlobId packId) => new(packId, Type, OffsetBytes, LengthBytes, UncompressedLengthBytes);
}

/// <summary>A pack's header (design.rst, "Pack Format"): Type ‖ lengths ‖ id for each blob, sealed, followed by its length.</summary>
internal static class PackHeader
{
    public const int LengthFieldBytes = 4;
    private const int PlainEntryBytes = 1 + 4 + BlobId.SizeBytes;
    private const int CompressedEntryBytes = 1 + 4 + 4 + BlobId.SizeBytes;
    private const byte CompressedFlag = 2;

    /// <summary>Length in bytes of a whole pack with these blobs: what a truncated file falls short of.</summary>
    public static long PackLengthBytes(long blobBytes, int plainCount, int compressedCount) =>
        blobBytes + (long)plainCount * PlainEntryBytes + (long)compressedCount * CompressedEntryBytes + Sealer.OverheadBytes + LengthFieldBytes;

    /// <summary>Length in bytes of a header of these blobs, before it is sealed.</summary>
    public static int LengthBytes(IReadOnlyList<PackEntry> entries)
    {
        int lengthBytes = 0;
        for (int i = 0; i < entries.Count; i++)
            lengthBytes += entries[i].UncompressedLengthBytes == 0 ? PlainEntryBytes : CompressedEntryBytes;
        return lengthBytes;
    }

    public static byte[] Write(IReadOnlyList<PackEntry> entries)
    {
        byte[] header = new byte[LengthBytes(entries)];
        Write(entries, header);
        return header;
    }

    /// <param name="entries">The blobs.</param>
    /// <param name="target">Gets the header; <see cref="LengthBytes"/> bytes of room at least.</param>
    public static void Write(IReadOnlyList<PackEntry> entries, Span<byte> target)
    {
        Span<byte> rest = target;
        for (int i = 0; i < entries.Count; i++)
        {
            PackEntry entry = entries[i];
            bool isCompressed = entry.UncompressedLengthBytes != 0;
            rest[0] = (byte)((byte)entry.Type | (isCompressed ? CompressedFlag : 0));
            BinaryPrimitives.WriteUInt32LittleEndian(rest.Slice(1), entry.LengthBytes);
            if (isCompressed)
                BinaryPrimitives.WriteUInt32LittleEndian(rest.Slice(5), entry.UncompressedLengthBytes);
            entry.Id.CopyTo(rest.Slice(isCompressed ? 9 : 5));
            rest = rest.Slice(isCompressed ? CompressedEntryBytes : PlainEntryBytes);
        }
    }

    /// <summary>
    /// Parses an opened header. <paramref name="blobBytes"/> is how many bytes lie before it: the blobs must fill them
    /// exactly.
    /// </summary>
    /// <exception cref="FormatException">Not a header of such a pack.</exception>
    public static List<PackEntry> Read(ReadOnlySpan<byte> header, long blobBytes)
    {
        var entries = new List<PackEntry>(header.Length / PlainEntryBytes);
        long offset = 0;
        while (!header.IsEmpty)
        {
            byte type = header[0];
            if (type > 3)
                throw new FormatException($"The pack's header has a blob of the unknown type {type}.");
            bool isCompressed = (type & CompressedFlag) != 0;
            int entryBytes = isCompressed ? CompressedEntryBytes : PlainEntryBytes;
            if (header.Length < entryBytes)
                throw new FormatException("The pack's header ends inside an entry.");
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(header.Slice(1));
            uint uncompressed = isCompressed ? BinaryPrimitives.ReadUInt32LittleEndian(header.Slice(5)) : 0;
            var id = new BlobId(header.Slice(isCompressed ? 9 : 5, BlobId.SizeBytes));
            if (length < Sealer.OverheadBytes || length > RepositoryFormat.BlobLimitBytes || offset + length > blobBytes || uncompressed > RepositoryFormat.BlobLimitBytes || isCompressed && uncompressed == 0)
                throw new FormatException("The pack's header has a blob that does not lie in the pack.");
            entries.Add(new PackEntry(id, (BlobType)(type & 1), (uint)offset, length, uncompressed));
            offset += length;
            header = header.Slice(entryBytes);
        }
        if (offset != blobBytes)
            throw new FormatException("The pack's header does not cover the whole pack.");
        return entries;
    }
}
