using System;
using System.IO;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Sealing;

namespace ImageBackup.Engine.Repository.Writing;

/// <summary>
/// One worker's way into the repository, with its own cipher, compressor, buffers and open pack: writers share nothing but
/// the index. One thread at a time.
/// </summary>
internal sealed class BlobWriter : IDisposable
{
    /// <summary>A content up to this length is stored whole.</summary>
    private const int WholeBytes = 32 << 10;

    private readonly RepositoryWriter _session;
    private readonly RepositoryFiles _files;
    private readonly SealerPool _sealers;
    private readonly Sealer _sealer;
    private readonly Zstd _zstd;
    private readonly bool _isDataCompressed;
    private readonly int _keptDataBytes;
    private readonly PackWriter?[] _packs = new PackWriter?[2];
    private byte[] _compressed = Array.Empty<byte>();
    private byte[] _sealed = Array.Empty<byte>();

    /// <param name="session">Whose it is.</param>
    /// <param name="files">Where packs go.</param>
    /// <param name="sealers">Its ciphers.</param>
    /// <param name="isOfSmallFiles">What it stores will be asked for again by this machine: its packs of data are kept if they are small.</param>
    internal BlobWriter(RepositoryWriter session, RepositoryFiles files, SealerPool sealers, bool isOfSmallFiles)
    {
        _keptDataBytes = isOfSmallFiles ? RepositoryFiles.KeptFilePackBytes : 0;
        _session = session;
        _files = files;
        _sealers = sealers;
        _zstd = new Zstd(session.Compression);
        _isDataCompressed = session.Compression != ImageCompression.Off;
        _sealer = sealers.Rent();
    }

    /// <summary>
    /// Stores a blob unless the repository has it. Returns the sealed bytes added, 0 if nothing was.
    /// </summary>
    public int Save(BlobType type, BlobId id, ReadOnlySpan<byte> content)
    {
        _session.ThrowIfFailed();
        if (!_session.Reserve(id, type))
            return 0;

        // An incompressible blob is stored as it is: the format lets both lie in one pack.
        int compressedBytes = type == BlobType.Tree || _isDataCompressed ? Compress(content) : content.Length;
        bool isCompressed = compressedBytes < content.Length;
        ReadOnlySpan<byte> plain = isCompressed ? _compressed.AsSpan(0, compressedBytes) : content;

        int sealedBytes = plain.Length + Sealer.OverheadBytes;
        Reserve(ref _sealed, sealedBytes);
        _sealer.Seal(plain, _sealed.AsSpan(0, sealedBytes));
        if (!_sealer.Proves(_sealed.AsSpan(0, sealedBytes), plain))
            throw Faulty();

        PackWriter pack = OpenPack(type);
        pack.Append(id, new ArraySegment<byte>(_sealed, 0, sealedBytes), isCompressed ? content.Length : 0);
        SubmitIfFull(type, pack);
        return sealedBytes;
    }

    /// <summary>
    /// Stores a blob that is too long to be in memory, unless the repository has it, and gives its id: it is written once for the id, and once
    /// more to be compressed, sealed, proven and packed part by part. One that is short is stored as <see cref="Save"/> does it.
    /// </summary>
    /// <param name="type">Its type; such a blob is compressed always.</param>
    /// <param name="write">Writes the content; the same each time.</param>
    public BlobId SaveInParts(BlobType type, Action<Stream> write)
    {
        using var measured = new HashingStream(WholeBytes);
        write(measured);
        BlobId id = measured.Finish();
        if (measured.Whole is { } whole)
        {
            Save(type, id, whole);
            return id;
        }
        _session.ThrowIfFailed();
        if (!_session.Reserve(id, type))
            return id;
        PackWriter pack = OpenPack(type);
        _packs[(int)type] = null;
        try
        {
            using var again = new HashingStream(wholeBytes: 0);
            using (var target = new SealingStream(_sealer, pack.AppendPart))
            {
                using (Stream compression = _zstd.OpenCompression(target))
                {
                    again.Next = compression;
                    write(again);
                }
                if (!target.End() || again.Finish() != id)
                    throw Faulty();
            }
            pack.EndBlob(id, checked((int)measured.LengthBytes));
        }
        catch
        {
            // What it has of the blob is not a blob.
            _session.Abandon(pack);
            _session.Release(id, type);
            throw;
        }
        _packs[(int)type] = pack;
        SubmitIfFull(type, pack);
        return id;
    }

    private PackWriter OpenPack(BlobType type) =>
        _packs[(int)type] ??= new PackWriter(_files, _sealers, type, type == BlobType.Tree ? RepositoryFiles.KeptTreePackBytes : _keptDataBytes);

    private void SubmitIfFull(BlobType type, PackWriter pack)
    {
        if (pack.LengthBytes < _files.PackSizeBytes)
            return;
        _packs[(int)type] = null;
        _session.Submit(pack);
    }

    private ImageBackupException Faulty() => new(ErrorId.RepositoryWriteFailed,
        "A chunk did not decrypt to the encrypted bytes: this machine's memory or processor is faulty.", _files.Location);

    private int Compress(ReadOnlySpan<byte> content)
    {
        Reserve(ref _compressed, Zstd.Bound(content.Length));
        return _zstd.Compress(content, _compressed);
    }

    /// <summary>Hands over the packs begun, full or not.</summary>
    public void Flush()
    {
        for (int type = 0; type < _packs.Length; type++)
        {
            if (_packs[type] is not { } pack)
                continue;
            _packs[type] = null;
            _session.Submit(pack);
        }
    }

    private static void Reserve(ref byte[] buffer, int lengthBytes)
    {
        if (buffer.Length < lengthBytes)
            buffer = new byte[lengthBytes];
    }

    public void Dispose()
    {
        foreach (PackWriter? pack in _packs)
        {
            if (pack is not null)
                _session.Abandon(pack);
        }
        _sealers.Return(_sealer);
        _zstd.Dispose();
    }
}
