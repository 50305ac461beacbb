using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using ImageBackup.Engine.Repository.Compression;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Compression;

public sealed class ZstdTests
{
    public static TheoryData<bool, bool> Roads => new() { { true, false }, { false, true }, { true, true }, { false, false } };

    [Fact]
    public void The_C_library_is_used_where_it_is_brought_for_the_processor()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64, "no library is brought for this processor");
        Assert.SkipWhen(OperatingSystem.IsLinux() && File.Exists("/etc/alpine-release"), "musl's systems take the translation");
        Assert.True(NativeZstd.IsSupported);
    }

    [Theory]
    [MemberData(nameof(Roads))]
    public void What_one_compresses_the_other_opens(bool isWriterNative, bool isReaderNative)
    {
        Assert.SkipUnless(NativeZstd.IsSupported, "the C library cannot be loaded here");
        using var writer = new Zstd(isWriterNative);
        using var reader = new Zstd(isReaderNative);
        foreach (byte[] content in Contents())
        {
            byte[] frame = new byte[Zstd.Bound(content.Length)];
            frame = frame[..writer.Compress(content, frame)];
            byte[] opened = new byte[content.Length];
            Assert.True(reader.TryDecompress(frame, opened));
            Assert.Equal(content, opened);
            Assert.Equal(content, Zstd.Decompress(frame, 0, content.Length));
        }
    }

    [Theory]
    [MemberData(nameof(Roads))]
    public void A_long_frame_comes_in_parts(bool isWriterNative, bool isReaderNative)
    {
        Assert.SkipUnless(NativeZstd.IsSupported || !(isWriterNative || isReaderNative), "the C library cannot be loaded here");
        byte[] content = new byte[3_000_000];
        var random = new Random(9);
        for (int i = 0; i < content.Length; i++)
            content[i] = (byte)"0123456789abcdef"[random.Next(16)];
        using var writer = new Zstd(isWriterNative);
        using var reader = new Zstd(isReaderNative);
        byte[] frame = new byte[Zstd.Bound(content.Length)];
        frame = frame[..writer.Compress(content, frame)];
        Assert.True(Zstd.CanGiveParts(frame));
        byte[] part = new byte[100_000];
        var opened = new MemoryStream();
        Assert.True(reader.TryDecompress(new ArraySegment<byte>(frame), content.Length, part, countBytes => opened.Write(part, 0, countBytes)));
        Assert.Equal(content, opened.ToArray());
        Assert.False(reader.TryDecompress(new ArraySegment<byte>(frame), content.Length - 1, part, _ => { }));
        Assert.False(reader.TryDecompress(new ArraySegment<byte>(frame), content.Length + 1, part, _ => { }));
        Assert.False(reader.TryDecompress(new ArraySegment<byte>(frame, 0, frame.Length / 2), content.Length, part, _ => { }));
        frame[frame.Length / 2] ^= 0x55;
        long sumBytes = 0;
        reader.TryDecompress(new ArraySegment<byte>(frame), content.Length, part, countBytes => sumBytes += countBytes);
        Assert.InRange(sumBytes, 0, content.Length);
    }

    [Fact]
    public void A_frame_that_is_one_segment_or_has_a_large_window_is_not_taken_in_parts()
    {
        Assert.False(Zstd.CanGiveParts([]));
        Assert.False(Zstd.CanGiveParts([0x28, 0xB5, 0x2F, 0xFD, 0x20, 0]));
        Assert.False(Zstd.CanGiveParts([0x28, 0xB5, 0x2F, 0xFE, 0, 0]));
        // 10 + 15 bits are 32 MiB, the limit; an eighth more is above it.
        Assert.True(Zstd.CanGiveParts([0x28, 0xB5, 0x2F, 0xFD, 0, 15 << 3]));
        Assert.False(Zstd.CanGiveParts([0x28, 0xB5, 0x2F, 0xFD, 0, 15 << 3 | 1]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void More_time_stores_less_and_every_reader_opens_it(bool isNative)
    {
        Assert.SkipUnless(NativeZstd.IsSupported || !isNative, "the C library cannot be loaded here");
        // Text of a kind: words in an order that repeats far apart.
        var random = new Random(3);
        byte[] content = Encoding.UTF8.GetBytes(string.Join(' ', Enumerable.Range(0, 120_000).Select(_ => $"word{random.Next(3000)} {random.Next(9)}")));
        using var reader = new Zstd();
        List<int> lengths = [];
        foreach (ImageCompression compression in new[] { ImageCompression.Fastest, ImageCompression.Auto, ImageCompression.Better, ImageCompression.Max })
        {
            using var writer = new Zstd(isNative, compression);
            byte[] frame = new byte[Zstd.Bound(content.Length)];
            frame = frame[..writer.Compress(content, frame)];
            byte[] opened = new byte[content.Length];
            Assert.True(reader.TryDecompress(frame, opened));
            Assert.Equal(content, opened);
            lengths.Add(frame.Length);
        }
        Assert.Equal(lengths.OrderDescending().Distinct(), lengths);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_frame_that_is_longer_or_shorter_than_promised_is_refused(bool isNative)
    {
        Assert.SkipUnless(NativeZstd.IsSupported || !isNative, "the C library cannot be loaded here");
        using var zstd = new Zstd(isNative);
        byte[] frame = new byte[Zstd.Bound(1000)];
        frame = frame[..zstd.Compress(new byte[1000], frame)];
        Assert.True(zstd.TryDecompress(frame, new byte[1000]));
        Assert.False(zstd.TryDecompress(frame, new byte[999]));
        Assert.False(zstd.TryDecompress(frame, new byte[1001]));
        Assert.False(zstd.TryDecompress(frame.AsSpan(0, frame.Length - 1), new byte[1000]));
        Assert.False(zstd.TryDecompress([], new byte[1]));
        // And the decompressor is good for the next one.
        Assert.True(zstd.TryDecompress(frame, new byte[1000]));
    }

    /// <summary>The C library tells it, so that most processes never load the translation.</summary>
    [Fact]
    public void How_long_a_content_can_be_is_told_alike_by_both()
    {
        Assert.SkipUnless(NativeZstd.IsSupported, "the C library cannot be loaded here");
        Assert.True(NativeZstd.KnowsContentBound);
        using var zstd = new Zstd();
        var random = new Random(4);
        foreach (byte[] content in Contents())
        {
            Assert.Equal(ZstdSharp.Compressor.GetCompressBound(content.Length), Zstd.Bound(content.Length));
            byte[] frame = new byte[Zstd.Bound(content.Length)];
            frame = frame[..zstd.Compress(content, frame)];
            Assert.Equal(content.Length, Zstd.ContentBound(frame, content.Length));
            Assert.Equal(2 * content.Length, Zstd.ContentBound([.. frame, .. frame], int.MaxValue));
            Assert.True(content.Length == 0 || Zstd.ContentBound(frame, content.Length - 1) is null);
            for (int i = 0; i < 50; i++)
            {
                byte[] damaged = frame[..random.Next(frame.Length + 1)];
                if (damaged.Length > 0)
                    damaged[random.Next(Math.Min(damaged.Length, 20))] ^= (byte)random.Next(256);
                Assert.Equal(Zstd.ContentBound(isNative: false, damaged, int.MaxValue), Zstd.ContentBound(isNative: true, damaged, int.MaxValue));
            }
        }
    }

    private static IEnumerable<byte[]> Contents()
    {
        yield return [];
        yield return [7];
        yield return new byte[1 << 20];
        yield return SeededBytes.Make(1, 1 << 20);
        yield return Enumerable.Range(0, 300_000).Select(i => (byte)(i * i >> 9)).ToArray();
    }
}
