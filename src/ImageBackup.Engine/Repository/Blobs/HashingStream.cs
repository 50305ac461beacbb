using System;
using System.IO;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Cryptography;

namespace ImageBackup.Engine.Repository.Blobs;

/// <summary>Hashes what is written to it, and hands it on.</summary>
/// <param name="wholeBytes">So much of it is kept.</param>
internal sealed class HashingStream(int wholeBytes) : WriteOnlyStream
{
    private readonly Sha256 _hash = new();
    private readonly byte[] _whole = new byte[wholeBytes];

    /// <summary>Gets what is written too; null: nobody.</summary>
    public Stream? Next { get; set; }

    public long LengthBytes { get; private set; }

    /// <summary>All that was written; null if it is longer than what is kept.</summary>
    public ArraySegment<byte>? Whole => LengthBytes <= _whole.Length ? new ArraySegment<byte>(_whole, 0, (int)LengthBytes) : (ArraySegment<byte>?)null;

    public override void Write(byte[] buffer, int offset, int count)
    {
        _hash.Append(buffer.AsSpan(offset, count));
        if (LengthBytes + count <= _whole.Length)
            Array.Copy(buffer, offset, _whole, (int)LengthBytes, count);
        LengthBytes += count;
        Next?.Write(buffer, offset, count);
    }

    /// <summary>The id of what was written. Ends it.</summary>
    public BlobId Finish()
    {
        Span<byte> digest = stackalloc byte[BlobId.SizeBytes];
        _hash.Finish(digest);
        return new BlobId(digest);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _hash.Dispose();
        base.Dispose(disposing);
    }
}
