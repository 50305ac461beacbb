using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Packs;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Indexes;

public sealed class IndexFileTests
{
    private const string Id = "73d04e6125cf3c28a299cc2f3cca3b78ceac396e4fcf9575e34536b26782413c";

    private static readonly Gen<BlobId> s_id = Gen.Byte.Array[32].Select(b =>
    {
        b[0] |= 1;
        return new BlobId(b);
    });

    private static readonly Gen<PackEntry> s_entry = Gen.Select(s_id, Gen.Bool, Gen.UInt, Gen.UInt[32, 1 << 30], Gen.OneOf(Gen.Const(0u), Gen.UInt[1, 1 << 30]))
        .Select(t => new PackEntry(t.Item1, t.Item2 ? BlobType.Tree : BlobType.Data, t.Item3, t.Item4, t.Item5));

    [Fact]
    public void Round_trip() => Gen.Select(Gen.Select(s_id, s_entry.Array[0, 20]).Array[0, 10], s_id.Array[0, 4]).Sample((packs, supersedes) =>
    {
        IndexedPack[] written = packs.Select(p => new IndexedPack(p.Item1, p.Item2)).ToArray();
        string[] names = supersedes.Select(s => s.ToString()).ToArray();
        var read = new List<IndexedPack>();
        Assert.Equal(names, IndexFile.Read(IndexFile.Write(written, names), read.Add));
        Assert.Equal(written.Select(p => p.PackId), read.Select(p => p.PackId));
        Assert.Equal(written.SelectMany(p => p.Blobs), read.SelectMany(p => p.Blobs));
    }, iter: 200);

    [Fact]
    public void What_others_add_is_passed_over()
    {
        string json = $$$"""{"x":{"packs":[1]},"packs":[{"y":[{}],"blobs":[{"z":null,"id":"{{{Id}}}","type":"tree","offset":1,"length":40,"w":{}}],"id":"{{{Id}}}"}],"v":[]}""";
        var packs = new List<IndexedPack>();
        IndexFile.Read(Encoding.UTF8.GetBytes(json), packs.Add);
        Assert.Equal(BlobType.Tree, Assert.Single(Assert.Single(packs).Blobs).Type);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("[")]
    [InlineData("""{"packs":[{"blobs":[]}]}""")]
    [InlineData("""{"packs":[{"id":"73d0","blobs":[]}]}""")]
    [InlineData("""{"packs":[{"id":5,"blobs":[]}]}""")]
    [InlineData("""{"packs":[5]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[5]}]}""")]
    [InlineData("""{"supersedes":[5]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"id":"ID","type":"data","offset":0}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"id":"ID","type":"data","offset":0,"length":31}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"id":"ID","type":"data","offset":0,"length":4294967295}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"id":"ID","type":"data","offset":4294967296,"length":40}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"id":"ID","type":"data","offset":-1,"length":40}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"id":"ID","type":"data","offset":0,"length":40,"uncompressed_length":4294967295}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"id":"ID","type":"other","offset":0,"length":40}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"id":"ID","type":5,"offset":0,"length":40}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[{"type":"data","offset":0,"length":40}]}]}""")]
    [InlineData("""{"packs":[{"id":"ID","blobs":[]}]} trailing""")]
    public void What_is_no_index_is_refused(string json) =>
        Assert.Throws<FormatException>(() => IndexFile.Read(Encoding.UTF8.GetBytes(json.Replace("ID", Id, StringComparison.Ordinal)), _ => { }));
}
