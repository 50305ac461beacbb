using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Engine.FileSystems.Trees;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Ntfs;

/// <summary>What Windows and NTFS compress: streams that wimlib made, examples of MS-XCA, and damage.</summary>
public sealed class NtfsCompressionTests
{
    private const int WofLengthBytes = 135_432;
    private const string WofHash = "85E766153B4AF57BF9105299F0ED7BF23F5410ABA567FD561809EDCFF0BBBA90";

    public static TheoryData<string, int> WofStreams => new() { { "xpress4k", 4096 }, { "xpress8k", 8192 }, { "xpress16k", 16384 }, { "lzx", 32768 } };

    [Theory]
    [MemberData(nameof(WofStreams))]
    public void StreamsOfWindowsFilesAreDecompressed(string name, int chunkBytes)
    {
        using NtfsWofData data = Open(Stream(name), chunkBytes);
        var bytes = new byte[WofLengthBytes];
        Assert.Equal(bytes.Length, data.ReadAt(0, bytes));
        Assert.Equal(WofHash, Convert.ToHexString(SHA256.HashData(bytes)));
        var part = new byte[40_000];
        Assert.Equal(part.Length, data.ReadAt(70_001, part));
        Assert.True(part.AsSpan().SequenceEqual(bytes.AsSpan(70_001, part.Length)));
        Assert.Equal(1, data.ReadAt(WofLengthBytes - 1, part));
        Assert.Equal(0, data.ReadAt(WofLengthBytes, part));
    }

    [Theory]
    [MemberData(nameof(WofStreams))]
    public void DamagedStreamsGiveBytesOrTheDocumentedException(string name, int chunkBytes)
    {
        byte[] whole = Stream(name);
        var bytes = new byte[WofLengthBytes];
        int refused = 0;
        for (int seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            byte[] damaged = [.. whole];
            for (int i = 0; i < 20; i++)
                damaged[random.Next(random.Next(2) == 0 ? 2000 : damaged.Length)] = (byte)random.Next(256);
            using NtfsWofData data = Open(damaged[..(seed % 5 == 0 ? random.Next(damaged.Length) : damaged.Length)], chunkBytes);
            try
            {
                data.ReadAt(0, bytes);
            }
            catch (FileSystemFormatException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 1, 150);
    }

    // MS-XCA, section 3.1: the alphabet, and 300 times "abc", in LZ77 with Huffman codes.
    [Fact]
    public void TheExamplesOfTheSpecificationAreDecompressed()
    {
        var table = new byte[256];
        table[0x30] = 0x50;
        table.AsSpan(0x31, 10).Fill(0x55);
        table[0x3B] = 0x45;
        table[0x3C] = 0x44;
        table[0x3D] = table[0x80] = 0x04;
        byte[] alphabet = [.. table, 0xD8, 0x52, 0x3E, 0xD7, 0x94, 0x11, 0x5B, 0xE9, 0x19, 0x5F, 0xF9, 0xD6, 0x7C, 0xDF, 0x8D, 0x04, 0, 0, 0, 0];
        var target = new byte[26];
        XpressHuffman.Decompress(alphabet, target);
        Assert.Equal("abcdefghijklmnopqrstuvwxyz", System.Text.Encoding.ASCII.GetString(target));

        Array.Clear(table);
        table[0x30] = 0x30;
        table[0x31] = 0x23;
        table[0x80] = 0x02;
        table[0x8F] = 0x20;
        byte[] abc = [.. table, 0xA8, 0xDC, 0, 0, 0xFF, 0x26, 1];
        target = new byte[300];
        XpressHuffman.Decompress(abc, target);
        Assert.Equal(string.Concat(Enumerable.Repeat("abc", 100)), System.Text.Encoding.ASCII.GetString(target));
    }

    // Blocks that are not compressed: no tool that we have makes one. By hand from the description: two, of an odd and an even length.
    [Fact]
    public void StoredBlocksOfLzxAreRead()
    {
        byte[] first = [1, 2, 3, 4, 5], second = [6, 7, 8, 9];
        var stream = new List<byte>();
        foreach (byte[] block in new[] { first, second })
        {
            int header = 3 << 17 | block.Length; // Type 3, not the default length, 16 bits of length: 20 bits.
            stream.AddRange([(byte)(header >> 4), (byte)(header >> 12), 0, (byte)(header << 4)]);
            for (int i = 0; i < 3; i++)
                stream.AddRange([1, 0, 0, 0]);
            stream.AddRange(block);
            if (block.Length % 2 == 1)
                stream.Add(0);
        }
        var target = new byte[first.Length + second.Length];
        Lzx.Decompress(stream.ToArray(), target);
        Assert.Equal([.. first, .. second], target);
    }

    private static byte[] Stream(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "Wof", name + ".bin"));

    private static NtfsWofData Open(byte[] stream, int chunkBytes) => new(new InlineFileData(stream), WofLengthBytes, chunkBytes == 32768, chunkBytes);
}
