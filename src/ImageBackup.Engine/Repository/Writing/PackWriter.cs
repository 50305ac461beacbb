using System;
using System.Buffers;
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
    /// <summary>Room for the blobs of a usual pack.</summary>
    private const int UsualCount = 64;

    /// <summary>Less than this waits for more: a call into the system for each of thousands of small blobs takes more time than their encryption.</summary>
    private const int GatheredLimitBytes = 64 << 10;

    private byte[] _gathered = Array.Empty<byte>();
    private int _gatheredBytes;
    private PackEntry[] _entries = ArrayPool<PackEntry>.Shared.Rent(UsualCount);
    private int _count;
    private readonly Sha256 _hash = new();
    private MemoryStream? _kept = keptBytes > 0 && files.KeepsPacks ? new MemoryStream() : null;
    private RepositoryUpload? _upload;
    private BlobId _id;
    private long _blobsEndBytes;

    public BlobType Type => type;

    public long LengthBytes { get; private set; }

    /// <summary>Its blobs; good until the writer is disposed of, which gives their array back.</summary>
    public IReadOnlyList<PackEntry> Entries => new ArraySegment<PackEntry>(_entries, 0, _count);

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
        if (_count == _entries.Length)
        {
            PackEntry[] grown = ArrayPool<PackEntry>.Shared.Rent(2 * _count);
            Array.Copy(_entries, grown, _count);
            ArrayPool<PackEntry>.Shared.Return(_entries);
            _entries = grown;
        }
        _entries[_count++] = new PackEntry(id, type, (uint)_blobsEndBytes, (uint)lengthBytes, (uint)uncompressedLengthBytes);
        _blobsEndBytes = LengthBytes;
    }

    /// <summary>Writes the header, proven to open again, and ends the pack.</summary>
    public void Seal()
    {
        if (_blobsEndBytes != LengthBytes)
            throw new InvalidOperationException("The last blob has no end.");
        int headerBytes = PackHeader.LengthBytes(Entries), sealedBytes = headerBytes + Sealer.OverheadBytes;
        // Of small blobs a pack has thousands: arrays for their headers that nobody needs any more would be most of what the collector has to do.
        byte[] header = ArrayPool<byte>.Shared.Rent(headerBytes), sealedHeader = ArrayPool<byte>.Shared.Rent(sealedBytes);
        Sealer sealer = sealers.Rent();
        try
        {
            PackHeader.Write(Entries, header);
            sealer.Seal(header.AsSpan(0, headerBytes), sealedHeader.AsSpan(0, sealedBytes));
            if (!sealer.Proves(sealedHeader.AsSpan(0, sealedBytes), header.AsSpan(0, headerBytes)))
                throw new ImageBackupException(ErrorId.RepositoryWriteFailed, "The header of a pack did not decrypt to the encrypted bytes: this machine's memory or processor is faulty.", files.Location);
            Write(new ArraySegment<byte>(sealedHeader, 0, sealedBytes));
        }
        finally
        {
            sealers.Return(sealer);
            ArrayPool<byte>.Shared.Return(header);
            ArrayPool<byte>.Shared.Return(sealedHeader);
        }
        byte[] length = new byte[PackHeader.LengthFieldBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)sealedBytes);
        Write(new ArraySegment<byte>(length));
        SendGathered();
        Span<byte> digest = stackalloc byte[BlobId.SizeBytes];
        _hash.Finish(digest);
        _id = new BlobId(digest);
    }

    /// <summary>Puts the sealed pack on stable storage under its name. The list of its blobs is good until the writer is disposed of.</summary>
    public IndexedPack Commit()
    {
        _upload!.Commit(_id.ToString());
        if (_kept is { } content)
            files.Keep(_id, content.ToArray());
        return new IndexedPack(_id, Entries);
    }

    private void Write(ArraySegment<byte> bytes)
    {
        _upload ??= files.BeginUpload(StoredKind.Pack);
        _hash.Append(bytes);
        if (_kept is { } kept && kept.Length + bytes.Count <= keptBytes)
            kept.Write(bytes.Array!, bytes.Offset, bytes.Count);
        else
            _kept = null;
        LengthBytes += bytes.Count;
        if (_gatheredBytes + bytes.Count > GatheredLimitBytes)
            SendGathered();
        if (bytes.Count >= GatheredLimitBytes)
        {
            _upload.Append(bytes);
            return;
        }
        if (_gathered.Length == 0)
            _gathered = ArrayPool<byte>.Shared.Rent(GatheredLimitBytes);
        Array.Copy(bytes.Array!, bytes.Offset, _gathered, _gatheredBytes, bytes.Count);
        _gatheredBytes += bytes.Count;
    }

    private void SendGathered()
    {
        if (_gatheredBytes > 0)
            _upload!.Append(new ArraySegment<byte>(_gathered, 0, _gatheredBytes));
        _gatheredBytes = 0;
    }

    public void Dispose()
    {
        _upload?.Dispose();
        _hash.Dispose();
        if (_gathered.Length > 0)
            ArrayPool<byte>.Shared.Return(_gathered);
        _gathered = Array.Empty<byte>();
        if (_entries.Length > 0)
            ArrayPool<PackEntry>.Shared.Return(_entries);
        _entries = Array.Empty<PackEntry>();
        _count = 0;
    }
}
