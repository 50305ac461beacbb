using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Repository.Reading;

/// <summary>
/// Opens blobs that the caller has read, and keeps their contents until there are enough of them to be hashed at once. Holds its buffers
/// for the next ones. One thread at a time.
/// </summary>
/// <param name="reader">Opens them; stays the caller's.</param>
/// <param name="keptBytes">The most that is kept.</param>
/// <param name="use">
/// Told of each blob, by the caller's number, and not in their order: its content, good until it returns; and what is wrong
/// with it, else null. If something is, the array's content means nothing.
/// </param>
internal sealed class BlobBatch(BlobReader reader, int keptBytes, Action<int, ArraySegment<byte>, ImageBackupException?> use) : IDisposable
{
    private readonly byte[][] _buffers = Enumerable.Repeat(Array.Empty<byte>(), BlobHasher.BatchCount).ToArray();
    private readonly List<ArraySegment<byte>> _contents = new();
    private readonly List<(int Number, BlobId Id, BlobLocation Location)> _blobs = new();

    /// <summary>Longer contents are hashed one by one.</summary>
    private readonly int _batchedBytes = keptBytes / BlobHasher.BatchCount;

    private byte[] _large = Array.Empty<byte>();

    /// <summary>Takes a blob; its bytes are the caller's again when it returns.</summary>
    public void Add(int number, BlobId id, in BlobLocation location, ReadOnlySpan<byte> sealedBlob)
    {
        int contentBytes = checked((int)location.ContentLengthBytes);
        bool isLarge = contentBytes > _batchedBytes;
        ref byte[] buffer = ref isLarge ? ref _large : ref _buffers[_contents.Count];
        Reserve(ref buffer, contentBytes);
        var content = new ArraySegment<byte>(buffer, 0, contentBytes);
        try
        {
            reader.Open(id, location, sealedBlob, content);
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.ChunkCorrupt)
        {
            use(number, content, e);
            return;
        }
        if (isLarge)
        {
            Use((number, id, location), content, BlobId.Of(content));
            return;
        }
        _contents.Add(content);
        _blobs.Add((number, id, location));
        if (_contents.Count == _buffers.Length)
            HashAll();
    }

    /// <summary>Hashes what is kept.</summary>
    public void HashAll()
    {
        BlobId[] ids = BlobHasher.Of(_contents);
        for (int i = 0; i < ids.Length; i++)
            Use(_blobs[i], _contents[i], ids[i]);
        Forget();
    }

    /// <summary>Forgets what is kept, which a failure ended.</summary>
    public void Forget()
    {
        _contents.Clear();
        _blobs.Clear();
    }

    private void Use(in (int Number, BlobId Id, BlobLocation Location) blob, ArraySegment<byte> content, BlobId found) =>
        use(blob.Number, content, found == blob.Id ? null : reader.Mismatch(blob.Id, blob.Location));

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
        foreach (byte[] buffer in _buffers.Append(_large).Where(buffer => buffer.Length > 0))
            ArrayPool<byte>.Shared.Return(buffer);
        _large = Array.Empty<byte>();
        Array.Clear(_buffers, 0, _buffers.Length);
    }
}
