using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using CsCheck;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Indexes;

public sealed class BlobIndexTests
{
    [Fact]
    public void A_blob_may_lie_in_several_packs()
    {
        var index = new BlobIndex();
        BlobId blob = Id(1), first = Id(100), second = Id(101);
        index.Add(blob, new BlobLocation(first, BlobType.Data, 5, 40, 0));
        index.Add(blob, new BlobLocation(second, BlobType.Data, 7, 50, 90));
        index.Add(blob, new BlobLocation(second, BlobType.Data, 7, 50, 90));
        Assert.Equal(2, index.Count);
        Assert.True(index.TryFind(blob, BlobType.Data, out BlobLocation found));
        Assert.Equal(first, found.PackId);
        index.MarkDead(first);
        Assert.True(index.TryFind(blob, BlobType.Data, out found));
        Assert.Equal(new BlobLocation(second, BlobType.Data, 7, 50, 90), found);
        Assert.Equal([second], index.Packs());
        Assert.Equal([(blob, found)], index.Entries());
        index.MarkDead(second);
        Assert.False(index.Contains(blob, BlobType.Data));
        index.MarkLive(first);
        Assert.True(index.TryFind(blob, BlobType.Data, out found));
        Assert.Equal(first, found.PackId);
    }

    [Fact]
    public void The_same_id_as_data_and_as_tree_are_two_blobs()
    {
        var index = new BlobIndex();
        index.Add(Id(1), new BlobLocation(Id(100), BlobType.Tree, 0, 40, 1 << 30));
        Assert.False(index.Contains(Id(1), BlobType.Data));
        Assert.True(index.TryFind(Id(1), BlobType.Tree, out BlobLocation found));
        Assert.Equal((BlobType.Tree, 1u << 30), (found.Type, found.UncompressedLengthBytes));
    }

    [Fact]
    public void Behaves_as_a_dictionary() => Gen.Select(Gen.Int[0, 60], Gen.Int[0, 8], Gen.UInt[0, 3], Gen.Bool).Array[0, 400].Sample(adds =>
    {
        var index = new BlobIndex();
        var model = new List<(BlobId Id, BlobLocation Location)>();
        foreach ((int blob, int pack, uint offset, bool isTree) in adds)
        {
            // Ids that fall into one slot: what tells them apart lies in their tails.
            byte[] bytes = new byte[32];
            bytes[31] = (byte)blob;
            var id = new BlobId(bytes);
            var location = new BlobLocation(Id(1000 + pack), isTree ? BlobType.Tree : BlobType.Data, offset * 100, 50, 0);
            index.Add(id, location);
            if (!model.Contains((id, location)))
                model.Add((id, location));
        }
        Assert.Equal(model, index.Entries());
        foreach (IGrouping<(BlobId Id, BlobType Type), (BlobId Id, BlobLocation Location)> group in model.GroupBy(m => (m.Id, m.Location.Type)))
        {
            Assert.True(index.TryFind(group.Key.Id, group.Key.Type, out BlobLocation found));
            Assert.Equal(group.First().Location, found);
        }
        Assert.False(index.Contains(Id(5), BlobType.Data));
    }, iter: 100);

    [Fact]
    public void Many_threads_add_and_find()
    {
        var index = new BlobIndex();
        Parallel.For(0, 20_000, i =>
        {
            index.Add(Spread(i), new BlobLocation(Id(i / 100), BlobType.Data, (uint)i, 40, 0));
            Assert.True(index.TryFind(Spread(i), BlobType.Data, out BlobLocation found));
            Assert.Equal((uint)i, found.OffsetBytes);
        });
        Assert.Equal(20_000, index.Entries().Select(e => e.Id).Distinct().Count());
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
