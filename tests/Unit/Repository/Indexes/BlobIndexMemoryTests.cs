using System;
using System.Linq;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Tests.Unit.Images.Catalog;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Indexes;

/// <summary>Alone, because it measures the whole process's memory.</summary>
[Collection(nameof(Alone))]
public sealed class BlobIndexMemoryTests
{
    [Fact]
    public void A_million_chunks_take_at_most_100_bytes_each()
    {
        const int count = 1_000_000;
        BlobId[] packs = Enumerable.Range(0, 1000).Select(i => Id(i)).ToArray();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var index = new BlobIndex();
        for (int i = 0; i < count; i++)
            index.Add(Spread(i), new BlobLocation(packs[i / 1000], BlobType.Data, (uint)i % 1000 * 17_000, 17_000, 1 << 20));
        long taken = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.Equal(count, index.Count);
        Assert.InRange(index.MemoryBytes / (double)count, 40, 100);
        Assert.InRange(taken / (double)count, 40, 100);
        for (int i = 0; i < count; i += 997)
        {
            Assert.True(index.TryFind(Spread(i), BlobType.Data, out BlobLocation found));
            Assert.Equal(packs[i / 1000], found.PackId);
        }
        GC.KeepAlive(index);
    }

    private static BlobId Id(int number) => BlobId.Of(BitConverter.GetBytes(number));

    /// <summary>As well spread as a hash, without its cost.</summary>
    private static BlobId Spread(int number)
    {
        Span<byte> bytes = stackalloc byte[32];
        BitConverter.TryWriteBytes(bytes, (ulong)(number + 1) * 0x9E3779B97F4A7C15);
        BitConverter.TryWriteBytes(bytes[8..], number);
        return new BlobId(bytes);
    }
}
