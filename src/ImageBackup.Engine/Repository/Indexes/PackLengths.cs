using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Packs;

namespace ImageBackup.Engine.Repository.Indexes;

/// <summary>How long each pack must be by what the index says lies in it: blobs, header, its length. In bytes.</summary>
internal static class PackLengths
{
    /// <summary>What is read at most of a file that says it is so long: a sparse one of exabytes costs its maker nothing.</summary>
    public static long Readable(long lengthBytes) => Math.Min(lengthBytes, RepositoryFormat.PackLimitBytes);

    /// <summary>The sum; the largest number if it would be larger.</summary>
    public static long Total(IEnumerable<long> lengthsBytes)
    {
        long sum = 0;
        foreach (long lengthBytes in lengthsBytes)
            sum = lengthBytes > long.MaxValue - sum ? long.MaxValue : sum + lengthBytes;
        return sum;
    }

    public static Dictionary<BlobId, long> Expected(BlobIndex index)
    {
        var sums = new Dictionary<BlobId, (long BlobBytes, int PlainCount, int CompressedCount)>();
        foreach ((_, BlobLocation location) in index.Entries())
        {
            sums.TryGetValue(location.PackId, out (long BlobBytes, int PlainCount, int CompressedCount) sum);
            sums[location.PackId] = location.IsCompressed
                ? (sum.BlobBytes + location.LengthBytes, sum.PlainCount, sum.CompressedCount + 1)
                : (sum.BlobBytes + location.LengthBytes, sum.PlainCount + 1, sum.CompressedCount);
        }
        var expected = new Dictionary<BlobId, long>(sums.Count);
        foreach (KeyValuePair<BlobId, (long BlobBytes, int PlainCount, int CompressedCount)> pack in sums)
            expected.Add(pack.Key, PackHeader.PackLengthBytes(pack.Value.BlobBytes, pack.Value.PlainCount, pack.Value.CompressedCount));
        return expected;
    }
}
