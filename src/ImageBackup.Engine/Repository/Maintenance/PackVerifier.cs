using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>Reads one pack whole: its name against its bytes, its header against the index, every blob against its id.</summary>
/// <param name="repository">Where the packs lie.</param>
/// <param name="reader">The caller's thread's own.</param>
internal sealed class PackVerifier(ImageRepository repository, BlobReader reader)
{
    /// <summary>Gives what is wrong with a pack, in words.</summary>
    /// <param name="packId">Its name.</param>
    /// <param name="lengthBytes">The file's length.</param>
    /// <param name="indexed">What the index lists in it; null: the index does not list the pack.</param>
    /// <param name="onBad">Told of each blob that is damaged.</param>
    /// <param name="cancellation">Ends it.</param>
    public IReadOnlyList<string> Check(BlobId packId, long lengthBytes,
        List<(BlobId Id, BlobLocation Location)>? indexed, Action<PackEntry> onBad, CancellationToken cancellation)
    {
        var problems = new List<string>();
        string name = packId.ToString();
        RepositoryFiles files = repository.Files;

        // A file longer than possible is not read whole: a sparse file of terabytes costs its maker nothing.
        bool isTooLong = lengthBytes > (indexed is null ? RepositoryFormat.PackLimitBytes : LengthOf(indexed));
        if (isTooLong && indexed is null)
            return [$"The file is {lengthBytes} bytes long, and no pack is."];
        if (!isTooLong && HashOf(files, name, lengthBytes, cancellation) != packId)
            problems.Add("The pack's content does not match its name.");

        List<PackEntry> entries;
        try
        {
            entries = ReadHeader(repository, packId, lengthBytes);
        }
        catch (FormatException e)
        {
            problems.Add(e.Message);
            // The index still says where the blobs are; each is read below all the same.
            entries = indexed?.Select(b => new PackEntry(b.Id, b.Location)).ToList() ?? new();
        }
        if (indexed is not null)
        {
            var inHeader = new HashSet<PackEntry>(entries);
            int unknown = indexed.Count(b => !inHeader.Contains(new PackEntry(b.Id, b.Location)));
            if (unknown > 0)
                problems.Add($"The index lists {unknown} blobs in the pack that its header does not.");
        }
        foreach (PackEntry entry in entries)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                reader.Read(entry.Id, entry.In(packId));
            }
            catch (ImageBackupException e) when (e.Id is ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
            {
                problems.Add(e.Message);
                onBad(entry);
            }
        }
        return problems;
    }

    /// <summary>The blobs that a pack's own header lists.</summary>
    /// <exception cref="FormatException">The header is damaged or the pack truncated.</exception>
    public static List<PackEntry> ReadHeader(ImageRepository repository, BlobId packId, long lengthBytes)
    {
        RepositoryFiles files = repository.Files;
        string name = packId.ToString();
        if (lengthBytes < PackHeader.LengthFieldBytes + Sealer.OverheadBytes)
            throw new FormatException("The pack is too short to have a header.");
        byte[] field = new byte[PackHeader.LengthFieldBytes];
        files.ReadAt(StoredKind.Pack, name, lengthBytes - field.Length, field, field.Length);
        long headerBytes = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(field);
        if (headerBytes < Sealer.OverheadBytes || headerBytes > lengthBytes - field.Length || headerBytes > RepositoryFormat.PackHeaderLimitBytes)
            throw new FormatException("The pack's header has an impossible length.");
        byte[] sealedHeader = new byte[headerBytes];
        long offset = lengthBytes - field.Length - headerBytes;
        files.ReadAt(StoredKind.Pack, name, offset, sealedHeader, sealedHeader.Length);
        byte[] header = repository.Sealers.Open(sealedHeader) ?? throw new FormatException("The pack's header has a broken seal.");
        return PackHeader.Read(header, offset);
    }

    /// <summary>How long a pack with these blobs is, in bytes.</summary>
    public static long LengthOf(List<(BlobId Id, BlobLocation Location)> blobs)
    {
        int compressedCount = blobs.Count(b => b.Location.IsCompressed);
        return PackHeader.PackLengthBytes(blobs.Sum(b => (long)b.Location.LengthBytes), blobs.Count - compressedCount, compressedCount);
    }

    /// <summary>Whether a pack's bytes give its name.</summary>
    public static bool HasName(ImageRepository repository, BlobId packId, long lengthBytes, CancellationToken cancellation) =>
        lengthBytes <= RepositoryFormat.PackLimitBytes && HashOf(repository.Files, packId.ToString(), lengthBytes, cancellation) == packId;

    private static BlobId HashOf(RepositoryFiles files, string name, long lengthBytes, CancellationToken cancellation)
    {
        using var hash = new Sha256();
        byte[] buffer = new byte[1 << 20];
        for (long offset = 0; offset < lengthBytes; offset += buffer.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            int countBytes = (int)Math.Min(buffer.Length, lengthBytes - offset);
            files.ReadAt(StoredKind.Pack, name, offset, buffer, countBytes);
            hash.Append(buffer.AsSpan(0, countBytes));
        }
        Span<byte> digest = stackalloc byte[BlobId.SizeBytes];
        hash.Finish(digest);
        return new BlobId(digest);
    }
}
