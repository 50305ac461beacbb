using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Writing;

/// <summary>
/// One pack being written: blobs go straight to the storage's temporary file and into the running hash that becomes the
/// pack's name, so a pack is never held in memory. One thread at a time; <see cref="Seal"/> ends it, <see cref="Commit"/>
/// makes it durable (and may run on another thread).
/// </summary>
/// <param name="files">Where it goes.</param>
/// <param name="sealers">Seal its header.</param>
/// <param name="type">Of its blobs.</param>
/// <param name="keptBytes">So long it is kept on this machine too, if packs are; 0: not at all.</param>
internal sealed class PackWriter(RepositoryFiles files, SealerPool sealers, BlobType type, int keptBytes = 0) : IDisposable
{
    private readonly List<PackEntry> _entries = new();
    private readonly Sha256 _hash = new();
    private MemoryStream? _kept = keptBytes > 0 && files.KeepsPacks ? new MemoryStream() : null;
    private RepositoryUpload? _upload;
    private BlobId _id;
    private long _blobsEndBytes;

    public BlobType Type => type;

    public long LengthBytes { get; private set; }

    public IReadOnlyList<PackEntry> Entries => _entries;

    /// <summary>Adds one sealed blob.</summary>
    public void Append(BlobId id, ArraySegment<byte> sealedBlob, int uncompressedLengthBytes)
    {
        AppendPart(sealedBlob);
        EndBlob(id, uncompressedLengthBytes);
    }

    /// <summary>Adds the next bytes of a sealed blob. A pack whose last blob has no end cannot be sealed.</summary>
    public void AppendPart(ArraySegment<byte> part)
    {
        if (LengthBytes + part.Count > uint.MaxValue)
            throw new ArgumentOutOfRangeException(nameof(part));
        Write(part);
    }

    /// <summary>Makes a blob of what was added since the blob before.</summary>
    public void EndBlob(BlobId id, int uncompressedLengthBytes)
    {
        long lengthBytes = LengthBytes - _blobsEndBytes;
        if (lengthBytes is < Sealer.OverheadBytes or > int.MaxValue)
            throw new InvalidOperationException($"A blob of {lengthBytes} bytes.");
        _entries.Add(new PackEntry(id, type, (uint)_blobsEndBytes, (uint)lengthBytes, (uint)uncompressedLengthBytes));
        _blobsEndBytes = LengthBytes;
    }

    /// <summary>Writes the header, proven to open again, and ends the pack.</summary>
    public void Seal()
    {
        if (_blobsEndBytes != LengthBytes)
            throw new InvalidOperationException("The last blob has no end.");
        byte[] header = PackHeader.Write(_entries);
        byte[] sealedHeader = sealers.Seal(header);
        if (sealers.Open(sealedHeader) is not { } opened || !opened.AsSpan().SequenceEqual(header))
            throw new ImageBackupException(ErrorId.RepositoryWriteFailed, "The header of a pack did not decrypt to the encrypted bytes: this machine's memory or processor is faulty.", files.Location);
        Write(new ArraySegment<byte>(sealedHeader));
        byte[] length = new byte[PackHeader.LengthFieldBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)sealedHeader.Length);
        Write(new ArraySegment<byte>(length));
        Span<byte> digest = stackalloc byte[BlobId.SizeBytes];
        _hash.Finish(digest);
        _id = new BlobId(digest);
    }

    /// <summary>Puts the sealed pack on stable storage under its name.</summary>
    public IndexedPack Commit()
    {
        _upload!.Commit(_id.ToString());
        if (_kept is { } content)
            files.Keep(_id, content.ToArray());
        return new IndexedPack(_id, _entries);
    }

    private void Write(ArraySegment<byte> bytes)
    {
        _upload ??= files.BeginUpload(StoredKind.Pack);
        _upload.Append(bytes);
        _hash.Append(bytes);
        if (_kept is { } kept && kept.Length + bytes.Count <= keptBytes)
            kept.Write(bytes.Array!, bytes.Offset, bytes.Count);
        else
            _kept = null;
        LengthBytes += bytes.Count;
    }

    public void Dispose()
    {
        _upload?.Dispose();
        _hash.Dispose();
    }
}
