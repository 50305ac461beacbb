using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Maintenance;

/// <summary>
/// Reads one pack whole, once and from front to back: its name against its bytes, its header against the index, every blob
/// against its id, all of the same bytes. One thread at a time; holds its buffers for the next pack.
/// </summary>
internal sealed class PackVerifier : IDisposable
{
    /// <summary>
    /// So much is read at a time, but for a blob that is longer: few reads, and the bytes are still in the processor's caches when
    /// they are opened after they were hashed.
    /// </summary>
    private const int PieceBytes = 2 << 20;

    /// <summary>Contents are kept up to this many bytes, until there are enough of them to be hashed at once.</summary>
    private const int KeptBytes = 16 << 20;

    private readonly ImageRepository _repository;
    private readonly BlobReader _reader;
    private readonly BlobBatch _batch;
    private readonly Sha256 _hash = new();
    private Action<int, ImageBackupException> _onFault = static (_, _) => { };
    private byte[] _piece = Array.Empty<byte>();

    /// <param name="repository">Where the packs lie.</param>
    public PackVerifier(ImageRepository repository)
    {
        _repository = repository;
        _reader = new BlobReader(repository.Files, repository.Sealers);
        _batch = new BlobBatch(_reader, KeptBytes, (number, _, fault) =>
        {
            if (fault is not null)
                _onFault(number, fault);
        });
    }

    /// <summary>Gives what is wrong with a pack, in words.</summary>
    /// <param name="packId">Its name.</param>
    /// <param name="lengthBytes">The file's length.</param>
    /// <param name="indexed">What the index lists in it; null: the index does not list the pack.</param>
    /// <param name="onBad">Told of each blob that is damaged.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ImageBackupException">A storage failure; the pack became shorter meanwhile.</exception>
    public IReadOnlyList<string> Check(BlobId packId, long lengthBytes, IReadOnlyList<PackEntry>? indexed, Action<PackEntry> onBad, CancellationToken cancellation)
    {
        // A file longer than possible is not read whole: a sparse file of terabytes costs its maker nothing.
        bool isTooLong = lengthBytes > (indexed is null ? RepositoryFormat.PackLimitBytes : LengthOf(indexed));
        if (isTooLong && indexed is null)
            return [$"The file is {lengthBytes} bytes long, and no pack is."];

        PackTail? tail = null;
        string? headerProblem = null;
        try
        {
            tail = PackTail.Read(_repository.Files, _repository.Sealers, packId, lengthBytes, indexed is null ? null : PackTail.LengthOf(indexed));
        }
        catch (FormatException e)
        {
            headerProblem = e.Message;
        }
        // The index still says where the blobs are, if the header does not.
        IReadOnlyList<PackEntry> entries = tail?.Entries ?? indexed ?? [];
        string?[] faults = new string?[entries.Count];
        BlobId? found = null;
        if (tail is not null && !isTooLong)
        {
            found = ReadThrough(packId, tail, (number, fault) => faults[number] = fault.Message, cancellation);
        }
        else
        {
            if (!isTooLong)
                found = HashOf(packId, lengthBytes, cancellation);
            for (int number = 0; number < entries.Count; number++)
            {
                cancellation.ThrowIfCancellationRequested();
                faults[number] = FaultOf(packId, entries[number]);
            }
        }

        var problems = new List<string>();
        if (found is not null && found != packId)
            problems.Add("The pack's content does not match its name.");
        if (headerProblem is not null)
            problems.Add(headerProblem);
        if (indexed is not null)
        {
            var inHeader = new HashSet<PackEntry>(entries);
            int unknown = indexed.Count(b => !inHeader.Contains(b));
            if (unknown > 0)
                problems.Add($"The index lists {unknown} blobs in the pack that its header does not.");
        }
        for (int number = 0; number < faults.Length; number++)
        {
            if (faults[number] is not { } fault)
                continue;
            problems.Add(fault);
            onBad(entries[number]);
        }
        return problems;
    }

    /// <summary>
    /// Whether all of a pack is what its writer wrote: its name and every blob that its header lists. False says only that something
    /// is not right in what this one reading gave.
    /// </summary>
    /// <exception cref="ImageBackupException">A storage failure; the pack became shorter meanwhile.</exception>
    public bool IsWhole(BlobId packId, PackTail tail, CancellationToken cancellation)
    {
        if (tail.OffsetBytes + tail.Bytes.Count > RepositoryFormat.PackLimitBytes)
            return false;
        bool isWhole = true;
        return ReadThrough(packId, tail, (_, _) => isWhole = false, cancellation) == packId && isWhole;
    }

    /// <summary>Whether a blob is whole, by a reading of its own.</summary>
    /// <exception cref="ImageBackupException">ChunkCorrupt, PackCorrupt; a storage failure.</exception>
    public void Prove(BlobId packId, in PackEntry entry) => _reader.ReadHeld(entry.Id, entry.In(packId));

    /// <summary>Whether a pack's bytes give its name.</summary>
    /// <exception cref="ImageBackupException">A storage failure; the pack became shorter meanwhile.</exception>
    public bool HasName(BlobId packId, long lengthBytes, CancellationToken cancellation) =>
        lengthBytes <= RepositoryFormat.PackLimitBytes && HashOf(packId, lengthBytes, cancellation) == packId;

    /// <summary>How long a pack with these blobs is, in bytes.</summary>
    public static long LengthOf(IReadOnlyCollection<PackEntry> blobs) => PackTail.LengthOf(blobs) + blobs.Sum(b => (long)b.LengthBytes);

    private string? FaultOf(BlobId packId, in PackEntry entry)
    {
        try
        {
            Prove(packId, entry);
            return null;
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
        {
            return e.Message;
        }
    }

    /// <summary>Reads the blobs that a header lists, in pieces of several of them, and gives the hash of the whole pack.</summary>
    /// <param name="packId">Its name.</param>
    /// <param name="tail">Its end, which is not read again.</param>
    /// <param name="onFault">Told the number of each blob that is damaged. Not in order.</param>
    /// <param name="cancellation">Between two pieces.</param>
    private BlobId ReadThrough(BlobId packId, PackTail tail, Action<int, ImageBackupException> onFault, CancellationToken cancellation)
    {
        string name = packId.ToString();
        List<PackEntry> entries = tail.Entries;
        Begin();
        _onFault = onFault;
        for (int first = 0, end; first < entries.Count; first = end)
        {
            cancellation.ThrowIfCancellationRequested();
            int pieceBytes = 0;
            for (end = first; end < entries.Count && (end == first || pieceBytes + entries[end].LengthBytes <= PieceBytes); end++)
                pieceBytes += (int)entries[end].LengthBytes;
            Reserve(ref _piece, Math.Max(PieceBytes, pieceBytes));
            _repository.Files.ReadAt(StoredKind.Pack, name, entries[first].OffsetBytes, _piece, pieceBytes);
            _hash.Append(_piece.AsSpan(0, pieceBytes));
            int offset = 0;
            for (int number = first; number < end; number++)
            {
                _batch.Add(number, entries[number].Id, entries[number].In(packId), _piece.AsSpan(offset, (int)entries[number].LengthBytes));
                offset += (int)entries[number].LengthBytes;
            }
        }
        _batch.HashAll();
        _hash.Append(tail.Bytes);
        return Finish();
    }

    private BlobId HashOf(BlobId packId, long lengthBytes, CancellationToken cancellation)
    {
        string name = packId.ToString();
        Begin();
        Reserve(ref _piece, PieceBytes);
        for (long offset = 0; offset < lengthBytes; offset += PieceBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            int countBytes = (int)Math.Min(PieceBytes, lengthBytes - offset);
            _repository.Files.ReadAt(StoredKind.Pack, name, offset, _piece, countBytes);
            _hash.Append(_piece.AsSpan(0, countBytes));
        }
        return Finish();
    }

    /// <summary>Forgets what a reading left that a failure ended.</summary>
    private void Begin()
    {
        _batch.Forget();
        _ = Finish();
    }

    private BlobId Finish()
    {
        Span<byte> digest = stackalloc byte[BlobId.SizeBytes];
        _hash.Finish(digest);
        return new BlobId(digest);
    }

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
        if (_piece.Length > 0)
            ArrayPool<byte>.Shared.Return(_piece);
        _piece = Array.Empty<byte>();
        _batch.Dispose();
        _hash.Dispose();
        _reader.Dispose();
    }
}
