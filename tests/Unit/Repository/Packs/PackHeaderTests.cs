using System;
using System.Collections.Generic;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Packs;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Packs;

public sealed class PackHeaderTests
{
    private static readonly Gen<List<PackEntry>> s_entries = Gen.Select(Gen.Byte.Array[32], Gen.Bool, Gen.UInt[32, 5_000_000], Gen.OneOf(Gen.Const(0u), Gen.UInt[1, 1 << 30]))
        .Array[0, 60].Select(items =>
        {
            uint offset = 0;
            return items.Select(i =>
            {
                var entry = new PackEntry(new BlobId(i.Item1), i.Item2 ? BlobType.Tree : BlobType.Data, offset, i.Item3, i.Item4);
                offset += i.Item3;
                return entry;
            }).ToList();
        });

    [Fact]
    public void Round_trip() => s_entries.Sample(entries =>
    {
        byte[] header = PackHeader.Write(entries);
        long blobBytes = entries.Sum(e => (long)e.LengthBytes);
        Assert.Equal(entries, PackHeader.Read(header, blobBytes));
        int compressed = entries.Count(e => e.UncompressedLengthBytes != 0);
        Assert.Equal(blobBytes + header.Length + 32 + 4, PackHeader.PackLengthBytes(blobBytes, entries.Count - compressed, compressed));
        Assert.Throws<FormatException>(() => PackHeader.Read(header, blobBytes + 1));
        if (entries.Count > 0)
        {
            Assert.Throws<FormatException>(() => PackHeader.Read(header, blobBytes - 1));
            Assert.Throws<FormatException>(() => PackHeader.Read(header.AsSpan(0, header.Length - 1), blobBytes));
        }
    }, iter: 300);

    /// <summary>design.rst, "Pack Format": type ‖ length (‖ plaintext length) ‖ id, little-endian.</summary>
    [Fact]
    public void The_layout_is_the_documents()
    {
        byte[] id = ImageBackup.Tests.Kits.SeededBytes.Make(1, 32);
        List<PackEntry> entries =
        [
            new(new BlobId(id), BlobType.Data, 0, 0x01020304, 0),
            new(new BlobId(id), BlobType.Tree, 0x01020304, 0x24, 0x0a0b0c),
        ];
        Assert.Equal([0, 4, 3, 2, 1, .. id, 3, 0x24, 0, 0, 0, 0x0c, 0x0b, 0x0a, 0, .. id], PackHeader.Write(entries));
        entries[0] = entries[0] with { Type = BlobType.Tree };
        entries[1] = entries[1] with { Type = BlobType.Data };
        Assert.Equal([1, 2], [PackHeader.Write(entries)[0], PackHeader.Write(entries)[37]]);
    }

    [Theory]
    [InlineData(4, 32u, 1u)]
    [InlineData(255, 32u, 1u)]
    [InlineData(0, 31u, 0u)]
    [InlineData(0, 0u, 0u)]
    [InlineData(2, 32u, 0u)]
    [InlineData(2, 32u, (1u << 30) + 1)]
    [InlineData(3, 32u, uint.MaxValue)]
    [InlineData(0, uint.MaxValue, 0u)]
    public void Impossible_entries_are_refused(byte type, uint length, uint uncompressed)
    {
        byte[] header = [type, .. BitConverter.GetBytes(length), .. (type & 2) != 0 ? BitConverter.GetBytes(uncompressed) : [], .. new byte[32]];
        Assert.Throws<FormatException>(() => PackHeader.Read(header, length));
    }
}
