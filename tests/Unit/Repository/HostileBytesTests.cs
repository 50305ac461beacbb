using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using CsCheck;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Unit.Repository.Keys;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>
/// Every parser of this layer, fed with noise and with valid input that was tampered with: the documented exception or a
/// result, nothing else, and no more memory than the input could account for.
/// </summary>
public sealed class HostileBytesTests
{
    private const string Id = "73d04e6125cf3c28a299cc2f3cca3b78ceac396e4fcf9575e34536b26782413c";

    private static readonly byte[] s_pack = PackHeader.Write(
    [
        new(Name(1), BlobType.Data, 0, 100, 0),
        new(Name(2), BlobType.Data, 100, 200, 5000),
        new(Name(3), BlobType.Data, 300, 50, 0),
    ]);

    /// <summary>Each parser by name: a valid input, and the reading. True: read; false: refused as documented.</summary>
    private static readonly Dictionary<string, (byte[] Valid, Func<byte[], bool> Read)> s_parsers = new()
    {
        ["config"] = (RepositoryConfig.Create().Write(), Throwing(b => RepositoryConfig.Read(b))),
        ["key"] = (Encoding.UTF8.GetBytes(KeyFileTests.ResticKey), Throwing(b => KeyFile.Read(b))),
        ["lock"] = (LockFile.ForThisProcess(true, DateTimeOffset.UnixEpoch).Write(), Throwing(b => LockFile.Read(b).IsStale(DateTimeOffset.Now))),
        ["index"] = (IndexFile.Write([new(Name(1), [new(Name(2), BlobType.Tree, 5, 100, 7), new(Name(3), BlobType.Data, 105, 40, 0)]), new(Name(4), [])], [Id]), Throwing(b => IndexFile.Read(b, _ => { }))),
        ["snapshot"] = (new SnapshotRecord { Time = DateTimeOffset.UnixEpoch, Tree = Name(1), Paths = ["/dev/sda1"], Tags = ["a", "b"], UserId = 5, Summary = "{}"u8.ToArray() }.Write(), Throwing(b => SnapshotRecord.Read(b))),
        ["tree"] = (TreeBytes.Of(new() { Name = "image.json", Type = "file", SizeBytes = 5, Content = [Name(1)] }, new() { Name = "volume.img", Type = "file", SizeBytes = 1L << 40, Content = [Name(2), Name(3)] }), Throwing(b => TreeFile.Read(b))),
        ["pack header"] = (s_pack, Throwing(b => PackHeader.Read(b, 350))),
        ["used.ranges"] = (UsedRangesFile.Write(new UsedRanges([new(0, 512), new(4096, 1 << 20), new(1L << 33, 1L << 34)], 1L << 40)), Throwing(b => UsedRangesFile.Read(b))),
        ["image.json"] = (ImageMetadataJson.Write(new() { VolumeName = "/dev/sda1", SizeBytes = 5, Start = DateTimeOffset.UnixEpoch, Warnings = ["x"], ReadErrors = [new ByteRange(1, 2)], ImageType = ImageType.Static }), b => ImageMetadataJson.Read(b) is { } m && Use(m)),
        ["zstd"] = (Compressed(SeededBytes.Make(1, 3000).Concat(new byte[5000]).ToArray()), b => Zstd.Decompress(b, 0, 1 << 20) is not null),
    };

    private static readonly byte[] s_jsonBytes = "{}[]\":,0123456789eE-+.truefalsn\\u \n\tidpacksblobstypelengthoffset"u8.ToArray();
    private static readonly Gen<byte> s_jsonByte = Gen.Int[0, s_jsonBytes.Length - 1].Select(i => s_jsonBytes[i]);

    public static TheoryData<string> Parsers => [.. s_parsers.Keys];

    [Theory]
    [MemberData(nameof(Parsers))]
    public void Valid_input_is_read(string name) => Assert.True(s_parsers[name].Read(s_parsers[name].Valid));

    [Theory]
    [MemberData(nameof(Parsers))]
    public void Noise(string name) => Gen.OneOf(
            Gen.Byte.Array[0, 300],
            s_jsonByte.Array[0, 200])
        .Sample(bytes =>
        {
            s_parsers[name].Read(bytes);
        }, iter: 3_000);

    [Theory]
    [MemberData(nameof(Parsers))]
    public void Tampered_input(string name)
    {
        byte[] valid = s_parsers[name].Valid;
        Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Int[0, 6], Gen.Int[0, 40], Gen.Byte).Array[1, 3].Sample(edits =>
        {
            List<byte> bytes = [.. valid];
            foreach ((int at, int how, int count, byte value) in edits)
                Edit(bytes, Math.Min(at, bytes.Count), how, count, value);
            s_parsers[name].Read([.. bytes]);
        }, iter: 5_000);
    }

    [Theory]
    [MemberData(nameof(Parsers))]
    public void Cut_short(string name)
    {
        byte[] valid = s_parsers[name].Valid;
        for (int length = 1; length < valid.Length; length++)
        {
            // A tree's newline behind its end is not needed.
            if (valid.AsSpan(length).IndexOfAnyExcept((byte)'\n') >= 0)
                Assert.False(s_parsers[name].Read(valid[..length]), $"{length} of {valid.Length} bytes were read as the whole.");
        }
    }

    /// <summary>Deep nesting, huge numbers and endless strings in every JSON.</summary>
    [Theory]
    [MemberData(nameof(Parsers))]
    public void Extremes(string name)
    {
        string[] inputs =
        [
            new string('[', 1_000_000),
            "{\"a\":" + new string('[', 1_000_000),
            string.Concat(Enumerable.Repeat("{\"nodes\":[", 10_000)),
            "{\"version\":" + new string('9', 100_000) + "}",
            "{\"id\":\"" + new string('a', 1_000_000) + "\"}",
            "[" + string.Concat(Enumerable.Repeat("{},", 50_000)) + "{}]",
            "\uFEFF{}",
            "{\"tree\":\"\\ud800\"}",
            "{\"packs\":[{\"id\":\"" + Id + "\",\"blobs\":[" + string.Concat(Enumerable.Repeat("{},", 1000)) + "{}]}]}",
        ];
        foreach (string input in inputs)
            s_parsers[name].Read(Encoding.UTF8.GetBytes(input));
        s_parsers[name].Read([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
        Assert.False(s_parsers[name].Read(Encoding.UTF8.GetBytes(inputs[0])));
        Assert.False(s_parsers[name].Read(Encoding.UTF8.GetBytes(inputs[1])));
    }

    [Theory]
    [MemberData(nameof(Parsers))]
    public void Memory_is_bounded_by_the_input(string name)
    {
        byte[] valid = s_parsers[name].Valid;
        for (int at = 0; at < valid.Length; at++)
        {
            byte[] bytes = (byte[])valid.Clone();
            bytes[at] = 0xff;
            if (at + 4 < bytes.Length)
                bytes[at + 3] = 0x7f;
            long before = GC.GetAllocatedBytesForCurrentThread();
            s_parsers[name].Read(bytes);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        }
    }

    [Fact]
    public void A_bomb_does_not_go_off()
    {
        byte[] bomb = Compressed(new byte[200 << 20]);
        Assert.InRange(bomb.Length, 1, 100_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(Zstd.Decompress(bomb, 0, 1 << 20));
        using var zstd = new Zstd();
        byte[] room = new byte[1 << 20];
        Assert.False(zstd.TryDecompress(bomb, room));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    private static Func<byte[], bool> Throwing(Action<byte[]> read) => bytes =>
    {
        try
        {
            read(bytes);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    };

    /// <summary>What a reader gives must be fit for use.</summary>
    private static bool Use(ImageMetadata metadata) =>
        ImageInfoBuilder.Build(Id, new SnapshotRecord { Time = metadata.Start, Tree = Name(1) }, metadata, "x").Warnings.All(w => w.Length >= 0)
        && ImageMetadataJson.WriteSummary(metadata).Length > 0;

    private static void Edit(List<byte> bytes, int at, int how, int count, byte value)
    {
        int room = bytes.Count - at;
        switch (how)
        {
            case 0 when room > 0:
                bytes[at] ^= (byte)(1 << value % 8);
                break;
            case 1 when room > 0:
                bytes[at] = value;
                break;
            case 2:
                bytes.RemoveRange(at, Math.Min(count, room));
                break;
            case 3:
                bytes.InsertRange(at, Enumerable.Repeat(value, count));
                break;
            case 4:
                bytes.InsertRange(at, bytes.GetRange(at, Math.Min(count, room)));
                break;
            case 5:
                // A number becomes another, larger one.
                bytes.InsertRange(at, "99999999999999999999"u8[..Math.Min(count, 20)].ToArray());
                break;
            default:
                for (int i = at; i < Math.Min(bytes.Count, at + count % 9); i++)
                    bytes[i] = 0xff;
                break;
        }
    }

    private static byte[] Compressed(byte[] content)
    {
        using var zstd = new Zstd();
        byte[] target = new byte[Zstd.Bound(content.Length)];
        return target[..zstd.Compress(content, target)];
    }

    private static BlobId Name(int number) => BlobId.Of(BitConverter.GetBytes(number));
}
