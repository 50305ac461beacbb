using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Trees;

public sealed class TreeFileTests
{
    private const string Id = "73d04e6125cf3c28a299cc2f3cca3b78ceac396e4fcf9575e34536b26782413c";

    /// <summary>What a removal keeps is all that a reader would follow, whatever the bytes; and what neither understands is told.</summary>
    [Fact]
    public void References_are_all_that_a_reader_finds()
    {
        byte[] good = Encoding.UTF8.GetBytes($$$"""
            {"nodes":[{"name":"a","type":"file","size":3,"content":["{{{new string('1', 64)}}}","{{{new string('2', 64)}}}"]},
            {"name":"d","type":"dir","subtree":"{{{new string('3', 64)}}}","content":null},{"name":"s","type":"symlink","linktarget":"x"},
            {"name":"odd","type":"whatever","content":["{{{new string('4', 64)}}}"],"xattr":[{"content":["no id"]}]}],"more":{"content":[1]}}
            """);
        var found = new List<(BlobId, BlobType)>();
        TreeFile.References(good, (id, type) => found.Add((id, type)));
        Assert.Equal([('1', BlobType.Data), ('2', BlobType.Data), ('3', BlobType.Tree), ('4', BlobType.Data)], found.ConvertAll(f => (f.Item1.ToString()[0], f.Item2)));
        int read = 0;
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, good.Length]).Sample((at, value, cut) =>
        {
            byte[] bytes = cut % 2 == 0 ? [.. good] : good[..Math.Max(at + 1, cut)];
            bytes[at] = value;
            found.Clear();
            bool isTree = true;
            try
            {
                TreeFile.References(bytes, (id, type) => found.Add((id, type)));
            }
            catch (FormatException)
            {
                isTree = false;
            }
            try
            {
                foreach (TreeNode node in TreeFile.Read(bytes))
                {
                    if (!isTree)
                        continue;
                    Assert.All(node.Content, id => Assert.Contains((id, BlobType.Data), found));
                    Assert.True(node.Subtree is not { } subtree || found.Contains((subtree, BlobType.Tree)));
                    read++;
                }
            }
            catch (FormatException)
            {
                // Stricter than what looks for references: a node needs a name.
            }
        }, iter: 20_000, threads: 1);
        Assert.True(read > 100);
    }

    /// <summary>A large tree comes in parts, cut anywhere: what is found and what is refused does not depend on where.</summary>
    [Fact]
    public void In_parts_of_any_length_a_tree_says_the_same()
    {
        byte[] good = Encoding.UTF8.GetBytes($$$"""
            {"nodes":[{"name":"a \u00fc","type":"file","size":3,"content":["{{{new string('1', 64)}}}","{{{new string('2', 64)}}}"],"mtime":"2026-01-02T03:04:05Z"},
            {"name":"d","type":"dir","subtree":"{{{new string('3', 64)}}}","content":null,"xattr":[{"content":[{"nodes":[]}]}]}],"more":{"content":[1]}}
            """);
        int treeCount = 0;
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[1, 40], Gen.Bool).Sample((at, value, partBytes, isDamaged) =>
        {
            byte[] bytes = [.. good];
            if (isDamaged)
                bytes[at] = value;
            string whole = Said(bytes, bytes.Length), inParts = Said(bytes, partBytes);
            Assert.Equal(whole, inParts);
            treeCount += whole.Contains("d dir", StringComparison.Ordinal) ? 1 : 0;
        }, iter: 5_000, threads: 1);
        Assert.True(treeCount > 1000);
    }

    private static string Said(byte[] bytes, int partBytes)
    {
        var nodes = new List<TreeNode>();
        var said = new StringBuilder();
        var parser = new TreeParser(nodes, id => said.Append(id).Append(' '), id => said.Append("tree ").Append(id).Append(' '));
        using var parts = new BlobParts(parser.Parse);
        for (int offset = 0; offset < bytes.Length; offset += partBytes)
            parts.Add(bytes.AsSpan(offset, Math.Min(partBytes, bytes.Length - offset)), offset + partBytes >= bytes.Length);
        Assert.Equal(BlobId.Of(bytes), parts.Finish(out FormatException? failure));
        return failure is not null ? "not a tree" : said.Append(string.Join(' ', nodes.Select(n => $"{n.Name} {n.Type} {n.SizeBytes} {n.Time:O}"))).ToString();
    }

    [Fact]
    public void Round_trip() => Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 20], Gen.Long[0, long.MaxValue], Gen.Byte.Array[32].Array[0, 50], Gen.Int[-720, 720])
        .Array[0, 6].Sample(items =>
        {
            TreeNode[] nodes = items.Select(i => new TreeNode
            {
                Name = i.Item1,
                Type = "file",
                SizeBytes = i.Item2,
                Time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromMinutes(i.Item4)).AddTicks(1234567),
                Content = i.Item3.Select(b => new BlobId(b)).ToArray(),
            }).ToArray();
            List<TreeNode> read = TreeFile.Read(TreeBytes.Of(nodes));
            Assert.Equal(nodes.Length, read.Count);
            foreach ((TreeNode expected, TreeNode found) in nodes.Zip(read))
            {
                Assert.Equal(expected with { Content = [] }, found with { Content = [] });
                Assert.Equal(expected.Content, found.Content);
            }
        }, iter: 200);

    [Fact]
    public void Names_that_need_escapes_survive()
    {
        var node = new TreeNode { Name = "ü \"quoted\" \\ \t\u0001 + <&>", Type = "file" };
        Assert.Equal(node.Name, Assert.Single(TreeFile.Read(TreeBytes.Of(node))).Name);
    }

    [Fact]
    public void A_chunk_costs_67_bytes()
    {
        BlobId[] content = Enumerable.Range(0, 20_000).Select(i => BlobId.Of(BitConverter.GetBytes(i))).ToArray();
        int one = TreeBytes.Of(new TreeNode { Name = "volume.img", Type = "file", Content = content[..1] }).Length;
        byte[] many = TreeBytes.Of(new TreeNode { Name = "volume.img", Type = "file", Content = content });
        Assert.Equal(67 * (content.Length - 1), many.Length - one);
        Assert.Equal(content, Assert.Single(TreeFile.Read(many)).Content);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"nodes":[{"name":"a"}]}""")]
    [InlineData("""{"nodes":[{"type":"file"}]}""")]
    [InlineData("""{"nodes":[5]}""")]
    [InlineData("""{"nodes":[{"name":"a","type":"file","size":-1}]}""")]
    [InlineData("""{"nodes":[{"name":"a","type":"file","size":1e300}]}""")]
    [InlineData("""{"nodes":[{"name":"a","type":"file","size":"5"}]}""")]
    [InlineData("""{"nodes":[{"name":"a","type":"file","content":["ID","xyz"]}]}""")]
    [InlineData("""{"nodes":[{"name":"a","type":"file","content":["ID",5]}]}""")]
    [InlineData("""{"nodes":[{"name":"a","type":"file","content":["ID",null]}]}""")]
    [InlineData("""{"nodes":[{"name":"a","type":"dir","subtree":"xyz"}]}""")]
    [InlineData("""{"nodes":[{"name":"\ud800","type":"file"}]}""")]
    [InlineData("""{"nodes":[{"name":"a","type":"file"}""")]
    [InlineData("""{"nodes":[]} trailing""")]
    public void What_is_no_tree_is_refused(string json) =>
        Assert.Throws<FormatException>(() => TreeFile.Read(Encoding.UTF8.GetBytes(json.Replace("ID", Id, StringComparison.Ordinal))));

    [Fact]
    public void Depth_is_bounded() => Assert.Throws<FormatException>(() => TreeFile.Read(Encoding.UTF8.GetBytes(
        "{\"x\":" + new string('[', 100_000) + new string(']', 100_000) + "}")));
}
