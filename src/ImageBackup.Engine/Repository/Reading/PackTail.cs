using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Reading;

/// <summary>A pack's end (design.rst, "Pack Format"): the sealed header and its length as they lie in the file, and what they say.</summary>
/// <param name="Entries">The blobs, from the pack's first byte on, without a gap.</param>
/// <param name="OffsetBytes">Where the end begins, and the last blob ends.</param>
/// <param name="Bytes">The sealed header and its length.</param>
internal sealed record PackTail(List<PackEntry> Entries, long OffsetBytes, ArraySegment<byte> Bytes)
{
    /// <summary>So much is read if nobody knows how long a header is: room for 200 blobs, and a pack of images has a few dozen.</summary>
    private const int UsualBytes = 8 << 10;

    private const int LeastBytes = PackHeader.LengthFieldBytes + Sealer.OverheadBytes;

    /// <summary>How long the end of a pack with these blobs is, in bytes.</summary>
    public static long LengthOf(IReadOnlyCollection<PackEntry> blobs)
    {
        int compressedCount = 0;
        foreach (PackEntry blob in blobs)
            compressedCount += blob.UncompressedLengthBytes != 0 ? 1 : 0;
        return PackHeader.PackLengthBytes(0, blobs.Count - compressedCount, compressedCount);
    }

    /// <summary>Reads a pack's end: in one piece, unless it is longer than was thought.</summary>
    /// <param name="files">Where the pack lies.</param>
    /// <param name="sealers">Open the header.</param>
    /// <param name="packId">Its name.</param>
    /// <param name="lengthBytes">The file's length.</param>
    /// <param name="expectedBytes">How long the end is by what an index says; null: no index lists the pack.</param>
    /// <exception cref="FormatException">The header is damaged or the pack truncated.</exception>
    /// <exception cref="ImageBackupException">A storage failure.</exception>
    public static PackTail Read(RepositoryFiles files, SealerPool sealers, BlobId packId, long lengthBytes, long? expectedBytes)
    {
        if (lengthBytes < LeastBytes)
            throw new FormatException("The pack is too short to have a header.");
        string name = packId.ToString();
        long limitBytes = Math.Min(lengthBytes, RepositoryFormat.PackHeaderLimitBytes + PackHeader.LengthFieldBytes);
        int firstBytes = (int)Math.Min(limitBytes, expectedBytes is { } expected and >= LeastBytes && expected <= limitBytes ? expected : UsualBytes);
        byte[] end = new byte[firstBytes];
        files.ReadAt(StoredKind.Pack, name, lengthBytes - firstBytes, end, firstBytes);
        long headerBytes = BinaryPrimitives.ReadUInt32LittleEndian(end.AsSpan(firstBytes - PackHeader.LengthFieldBytes));
        if (headerBytes < Sealer.OverheadBytes || headerBytes > lengthBytes - PackHeader.LengthFieldBytes || headerBytes > RepositoryFormat.PackHeaderLimitBytes)
            throw new FormatException("The pack's header has an impossible length.");
        int tailBytes = (int)headerBytes + PackHeader.LengthFieldBytes;
        long offsetBytes = lengthBytes - tailBytes;
        if (tailBytes > firstBytes)
        {
            byte[] whole = new byte[tailBytes];
            files.ReadAt(StoredKind.Pack, name, offsetBytes, whole, tailBytes - firstBytes);
            end.CopyTo(whole, tailBytes - firstBytes);
            end = whole;
        }
        var bytes = new ArraySegment<byte>(end, end.Length - tailBytes, tailBytes);
        byte[] header = sealers.Open(bytes.AsSpan(0, (int)headerBytes)) ?? throw new FormatException("The pack's header has a broken seal.");
        return new PackTail(PackHeader.Read(header, offsetBytes), offsetBytes, bytes);
    }
}
