using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Pipeline;

/// <summary>
/// Chunks that a worker keeps until there are enough of them to be named at once. One thread.
/// </summary>
/// <param name="batchCount">How many are enough.</param>
/// <param name="use">What is done with each, in the order of their coming, and its id.</param>
/// <param name="release">Takes a chunk's buffer back after that.</param>
internal sealed class HashBatch<TItem>(int batchCount, Action<TItem, ArraySegment<byte>, BlobId> use, Action<byte[]> release)
{
    private readonly List<TItem> _items = new();
    private readonly List<ArraySegment<byte>> _contents = new();

    /// <summary>Keeps a chunk; if the batch is full, all its chunks are hashed and used.</summary>
    public void Add(TItem item, ArraySegment<byte> content)
    {
        _items.Add(item);
        _contents.Add(content);
        if (_contents.Count >= batchCount)
            HashAll();
    }

    public void HashAll()
    {
        BlobId[] ids = BlobHasher.Of(_contents);
        for (int i = 0; i < ids.Length; i++)
        {
            use(_items[i], _contents[i], ids[i]);
            release(_contents[i].Array!);
        }
        _items.Clear();
        _contents.Clear();
    }
}
