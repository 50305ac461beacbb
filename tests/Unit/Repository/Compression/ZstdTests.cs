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

    private static IEnumerable<byte[]> Contents()
    {
        yield return [];
        yield return [7];
        yield return new byte[1 << 20];
        yield return SeededBytes.Make(1, 1 << 20);
        yield return Enumerable.Range(0, 300_000).Select(i => (byte)(i * i >> 9)).ToArray();
    }
}
