using System.Collections.Concurrent;

namespace ImageBackup.Engine.Repository.Blobs;

/// <summary>The ids of all-zero blobs, by length in bytes: an image has two at most (its last chunk may be shorter). Any thread.</summary>
internal sealed class ZeroBlobs
{
    private readonly ConcurrentDictionary<int, BlobId> _ids = new();

    public BlobId Id(int lengthBytes) => _ids.GetOrAdd(lengthBytes, static length => BlobId.Of(new byte[length]));

    public bool IsZero(BlobId id, int lengthBytes) => Id(lengthBytes) == id;
}
