using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.ExceptionServices;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Reading;

/// <summary>Takes the next bytes of a blob's content, and says how many it has taken; the others come again before the next part.</summary>
internal delegate int BlobPartTaker(ReadOnlySpan<byte> bytes, bool isLast);

/// <summary>Reads blobs out of packs and proves each against its id. One thread at a time; holds its buffers for the next blob.</summary>
/// <param name="files">Where the packs lie.</param>
/// <param name="sealers">Open the blobs.</param>
/// <param name="usesCache">A blob may come out of a pack that is kept on this machine.</param>
internal sealed class BlobReader(RepositoryFiles files, SealerPool sealers, bool usesCache = false) : IDisposable
{
    private readonly Sealer _sealer = sealers.Rent();
    private readonly Zstd _zstd = new();
    private byte[] _sealed = Array.Empty<byte>();
    private byte[] _compressed = Array.Empty<byte>();
    private byte[] _content = Array.Empty<byte>();

    /// <summary>
    /// Fills <paramref name="content"/> (at least the blob's content length) and returns the length.
    /// </summary>
    /// <exception cref="ImageBackupException">ChunkCorrupt with what is wrong; PackCorrupt if the pack is missing or too short; a storage failure.</exception>
    public int Read(BlobId id, in BlobLocation location, byte[] content)
    {
        int sealedBytes = checked((int)location.LengthBytes), contentBytes = checked((int)location.ContentLengthBytes);
        if (content.Length < contentBytes)
            throw new ArgumentException("The buffer is shorter than the blob.", nameof(content));
        Reserve(ref _sealed, sealedBytes);
        if (usesCache && files.TryReadKept(location, _sealed, sealedBytes))
        {
            try
            {
                return Prove(id, location, content);
            }
            catch (ImageBackupException e) when (e.Id == ErrorId.ChunkCorrupt)
            {
                files.ForgetKept(location.PackId);
            }
        }
        files.ReadAt(StoredKind.Pack, location.PackId.ToString(), location.OffsetBytes, _sealed, sealedBytes);
        return Prove(id, location, content);
    }

    private int Prove(BlobId id, in BlobLocation location, byte[] content)
    {
        int sealedBytes = (int)location.LengthBytes, contentBytes = (int)location.ContentLengthBytes;
        Open(id, location, _sealed.AsSpan(0, sealedBytes), content.AsSpan(0, contentBytes));
        return BlobId.Of(content.AsSpan(0, contentBytes)) == id ? contentBytes : throw Mismatch(id, location);
    }

    /// <summary>Opens a blob that the caller has read. Checks the seal and not the content, which the caller hashes.</summary>
    /// <param name="id">For the error.</param>
    /// <param name="location">How it is stored.</param>
    /// <param name="sealedBlob">Its bytes in the pack.</param>
    /// <param name="target">As long as its content.</param>
    /// <exception cref="ImageBackupException">ChunkCorrupt with what is wrong.</exception>
    public void Open(BlobId id, in BlobLocation location, ReadOnlySpan<byte> sealedBlob, Span<byte> target)
    {
        if (location.IsCompressed)
        {
            int compressedBytes = sealedBlob.Length - Sealer.OverheadBytes;
            Reserve(ref _compressed, compressedBytes);
            if (!_sealer.TryOpen(sealedBlob, _compressed.AsSpan(0, compressedBytes)))
                throw Corrupt(id, location, "its seal is broken");
            if (!_zstd.TryDecompress(_compressed.AsSpan(0, compressedBytes), target))
                throw Corrupt(id, location, "its compressed content is damaged");
        }
        else if (!_sealer.TryOpen(sealedBlob, target))
        {
            throw Corrupt(id, location, "its seal is broken");
        }
    }

    /// <summary>What to say if the hash of an opened blob is not its id.</summary>
    public ImageBackupException Mismatch(BlobId id, in BlobLocation location) => Corrupt(id, location, "its content does not match its id");

    /// <summary>Reads into a new array; if it cannot be read where it lies first, from another place that has it.</summary>
    /// <exception cref="ImageBackupException">The first place's failure, if no place has it whole; the storage is away.</exception>
    public byte[] Read(BlobId id, in BlobLocation location, BlobIndex index)
    {
        byte[] content = Array.Empty<byte>();
        BlobLocation first = location;
        return TryPlaces(index.FindAll(id, location.Type).Where(other => other != first).Prepend(first), place => content = Read(id, place)) is { } failure ? throw failure : content;
    }

    /// <summary>Tries one of a blob's places after another until one is whole.</summary>
    /// <param name="places">In their order; one at least.</param>
    /// <param name="read">Reads the blob there by this reader.</param>
    /// <returns>Null: it was read. Else what is wrong with the first place.</returns>
    /// <exception cref="ImageBackupException">The storage is away: that says nothing of the blob.</exception>
    public ImageBackupException? TryPlaces(IEnumerable<BlobLocation> places, Action<BlobLocation> read)
    {
        ImageBackupException? failure = null;
        foreach (BlobLocation place in places)
        {
            try
            {
                read(place);
                return null;
            }
            catch (ImageBackupException e) when (files.IsDamage(e))
            {
                failure ??= e;
            }
        }
        return failure;
    }

    /// <summary>Reads into a new array.</summary>
    public byte[] Read(BlobId id, in BlobLocation location)
    {
        if (location.ContentLengthBytes > RepositoryFormat.BlobLimitBytes)
            throw Corrupt(id, location, "it claims an impossible length");
        byte[] content = new byte[location.ContentLengthBytes];
        Read(id, location, content);
        return content;
    }

    /// <summary>Reads a blob and proves it. The content is in the reader's own array and good until the next call.</summary>
    /// <exception cref="ImageBackupException">As <see cref="Read(BlobId, in BlobLocation, byte[])"/>.</exception>
    public ArraySegment<byte> ReadHeld(BlobId id, in BlobLocation location)
    {
        if (location.ContentLengthBytes > RepositoryFormat.BlobLimitBytes)
            throw Corrupt(id, location, "it claims an impossible length");
        Reserve(ref _content, (int)location.ContentLengthBytes);
        return new ArraySegment<byte>(_content, 0, Read(id, location, _content));
    }

    /// <summary>
    /// Reads a blob and gives its content part by part: it takes as much memory as the blob does in its pack, which of a list of ids in
    /// hexadecimal digits is half of its content. The content is not proven before its end (its seal is): what was done with the parts is
    /// void if this throws.
    /// </summary>
    /// <param name="id">The blob.</param>
    /// <param name="location">Where it lies.</param>
    /// <param name="take">Gets the parts. If it throws a <see cref="FormatException"/>, that comes out only of content that is the blob's.</param>
    /// <exception cref="ImageBackupException">As <see cref="Read(BlobId, in BlobLocation, byte[])"/>.</exception>
    public void ReadInParts(BlobId id, in BlobLocation location, BlobPartTaker take)
    {
        int sealedBytes = checked((int)location.LengthBytes), contentBytes = checked((int)location.ContentLengthBytes);
        if (contentBytes > RepositoryFormat.BlobLimitBytes)
            throw Corrupt(id, location, "it claims an impossible length");
        Reserve(ref _sealed, sealedBytes);
        var plain = new ArraySegment<byte>(_sealed, Sealer.IvSizeBytes, Math.Max(0, sealedBytes - Sealer.OverheadBytes));
        // What is kept is proven before anything of it is given: if it is damaged, the repository's own comes instead.
        bool isOpen = usesCache && files.TryReadKept(location, _sealed, sealedBytes);
        if (isOpen && !(_sealer.TryOpen(_sealed.AsSpan(0, sealedBytes), plain) && FaultOf(id, location, plain, static (bytes, _) => bytes.Length, out _) is null))
        {
            files.ForgetKept(location.PackId);
            isOpen = false;
        }
        if (!isOpen)
        {
            files.ReadAt(StoredKind.Pack, location.PackId.ToString(), location.OffsetBytes, _sealed, sealedBytes);
            // Where it lies: nobody asks for its sealed bytes.
            if (!_sealer.TryOpen(_sealed.AsSpan(0, sealedBytes), plain))
                throw Corrupt(id, location, "its seal is broken");
        }
        if (FaultOf(id, location, plain, take, out FormatException? failure) is { } fault)
            throw fault;
        if (failure is not null)
            ExceptionDispatchInfo.Capture(failure).Throw();
    }

    /// <summary>Gives the content of an opened blob part by part, and then says what is wrong with it; null: nothing.</summary>
    private ImageBackupException? FaultOf(BlobId id, in BlobLocation location, ArraySegment<byte> plain, BlobPartTaker take, out FormatException? failure)
    {
        int contentBytes = (int)location.ContentLengthBytes;
        failure = null;
        using var parts = new BlobParts(take);
        if (!location.IsCompressed)
        {
            parts.Add(plain, isLast: true);
        }
        else if (Zstd.CanGiveParts(plain))
        {
            if (!parts.AddAll(_zstd, plain, contentBytes))
                return Corrupt(id, location, "its compressed content is damaged");
        }
        else
        {
            Reserve(ref _content, contentBytes);
            if (!_zstd.TryDecompress(plain, _content.AsSpan(0, contentBytes)))
                return Corrupt(id, location, "its compressed content is damaged");
            parts.Add(_content.AsSpan(0, contentBytes), isLast: true);
        }
        return parts.Finish(out failure) == id ? null : Mismatch(id, location);
    }

    /// <summary>
    /// Reads a blob and proves it, and gives its sealed bytes as they lie in the pack: for putting them into another one.
    /// The array is the reader's own and good until the next call; the first <see cref="BlobLocation.LengthBytes"/> count.
    /// </summary>
    /// <exception cref="ImageBackupException">As <see cref="Read(BlobId, in BlobLocation, byte[])"/>.</exception>
    public byte[] ReadSealed(BlobId id, in BlobLocation location)
    {
        ReadHeld(id, location);
        return _sealed;
    }

    private ImageBackupException Corrupt(BlobId id, in BlobLocation location, string what) => new(ErrorId.ChunkCorrupt,
        $"Blob {id.ToString().Substring(0, 12)} in pack {location.PackId.ToString().Substring(0, 12)} at offset {location.OffsetBytes} cannot be used: {what}.", files.Location);

    private static void Reserve(ref byte[] buffer, int lengthBytes)
    {
        if (buffer.Length >= lengthBytes)
            return;
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
        buffer = ArrayPool<byte>.Shared.Rent(lengthBytes);
    }

    public void Dispose()
    {
        sealers.Return(_sealer);
        _zstd.Dispose();
        if (_sealed.Length > 0)
            ArrayPool<byte>.Shared.Return(_sealed);
        if (_compressed.Length > 0)
            ArrayPool<byte>.Shared.Return(_compressed);
        if (_content.Length > 0)
            ArrayPool<byte>.Shared.Return(_content);
        _sealed = _compressed = _content = Array.Empty<byte>();
    }
}
