using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Cryptography.Vectorized;

namespace ImageBackup.Engine.Repository.Blobs;

/// <summary>The ids of several contents at once: side by side if the processor can, one after the other elsewhere.</summary>
internal static class BlobHasher
{
    /// <summary>From so many contents on, hashing them at once is faster than one by one.</summary>
    public const int BatchWorthCount = Sha256MultiBuffer.WorthFromCount;

    /// <summary>How many contents are best hashed at once: one if a batch is not faster.</summary>
    public static int BatchCount => Sha256MultiBuffer.IsSupported ? Sha256MultiBuffer.LaneCount : 1;

    /// <summary>The ids of contents, in the same order. Side by side go those that are as long as the first one: of a volume's chunks all but its last.</summary>
    public static BlobId[] Of(IReadOnlyList<ArraySegment<byte>> contents)
    {
        var ids = new BlobId[contents.Count];
        int[] alike = Sha256MultiBuffer.IsSupported && contents.Count >= BatchWorthCount
            ? Enumerable.Range(0, contents.Count).Where(i => contents[i].Count == contents[0].Count && contents[i].Offset == 0).ToArray()
            : Array.Empty<int>();
        int sideBySide = 0;
        Span<byte> digests = stackalloc byte[Sha256MultiBuffer.LaneCount * BlobId.SizeBytes];
        while (alike.Length - sideBySide >= BatchWorthCount)
        {
            ReadOnlySpan<int> lanes = alike.AsSpan(sideBySide, Math.Min(Sha256MultiBuffer.LaneCount, alike.Length - sideBySide));
            byte[][] messages = new byte[lanes.Length][];
            for (int lane = 0; lane < lanes.Length; lane++)
                messages[lane] = contents[lanes[lane]].Array!;
            Sha256MultiBuffer.Hash(messages, contents[0].Count, digests);
            for (int lane = 0; lane < lanes.Length; lane++)
                ids[lanes[lane]] = new BlobId(digests.Slice(lane * BlobId.SizeBytes, BlobId.SizeBytes));
            sideBySide += lanes.Length;
        }
        for (int i = 0; i < ids.Length; i++)
        {
            if (ids[i].IsNull)
                ids[i] = BlobId.Of(contents[i]);
        }
        return ids;
    }
}
