using System;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Compression;

namespace ImageBackup.Engine.Repository.Reading;

/// <summary>A blob's content on its way, part by part, to who takes it and into the hash that must give its id.</summary>
internal sealed class BlobParts(BlobPartTaker take) : IDisposable
{
    /// <summary>What stays in the processor's caches between the steps.</summary>
    private const int PartBytes = 128 << 10;

    private readonly Sha256 _hash = new();
    private FormatException? _failure;
    private byte[] _waiting = Array.Empty<byte>();
    private int _waitingBytes;

    /// <summary>Adds what a compressed frame holds. False if the frame is damaged or its content has another length.</summary>
    public bool AddAll(Zstd zstd, ArraySegment<byte> frame, long contentBytes)
    {
        byte[] part = new byte[PartBytes];
        long doneBytes = 0;
        return zstd.TryDecompress(frame, contentBytes, part, countBytes =>
        {
            doneBytes += countBytes;
            Add(part.AsSpan(0, countBytes), doneBytes == contentBytes);
        });
    }

    public void Add(ReadOnlySpan<byte> part, bool isLast)
    {
        _hash.Append(part);
        if (_failure is not null)
            return;
        try
        {
            Hand(part, isLast);
        }
        catch (FormatException e)
        {
            // Whether that is what was stored the hash will tell.
            _failure = e;
        }
    }

    /// <summary>The content's id, and what its taker threw.</summary>
    public BlobId Finish(out FormatException? failure)
    {
        Span<byte> digest = stackalloc byte[BlobId.SizeBytes];
        _hash.Finish(digest);
        failure = _failure;
        return new BlobId(digest);
    }

    private void Hand(ReadOnlySpan<byte> part, bool isLast)
    {
        if (_waitingBytes > 0)
        {
            Reserve(_waitingBytes + part.Length);
            part.CopyTo(_waiting.AsSpan(_waitingBytes));
            part = _waiting.AsSpan(0, _waitingBytes + part.Length);
        }
        ReadOnlySpan<byte> left = part.Slice(take(part, isLast));
        Reserve(left.Length);
        left.CopyTo(_waiting);
        _waitingBytes = left.Length;
    }

    // A text that is longer than a part waits until it is there: the array doubles, so that it is not copied for each part.
    private void Reserve(int lengthBytes)
    {
        if (_waiting.Length < lengthBytes)
            Array.Resize(ref _waiting, Math.Max(lengthBytes, 2 * _waiting.Length));
    }

    public void Dispose() => _hash.Dispose();
}
