using System;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Backup.Copy;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup.Copy;

public sealed class ChunkSourceTests
{
    private const int Unit = 16 << 10;
    private const int Chunk = 64 << 10;

    /// <summary>Used bytes come from the volume, all else is zeros: whatever the holes, the map and the odd tail.</summary>
    [Fact]
    public void Fills_as_the_model_does() => Gen.Select(Gen.Bool.Array[0, 24], Gen.Bool.Array[24], Gen.Int[1, Unit], Gen.Bool, Gen.Bool).Sample((used, holes, tail, isSparse, isWhole) =>
    {
        int length = used.Length * Unit + tail;
        byte[] content = SeededBytes.Make(length, length);
        for (int i = 0; i < used.Length; i++)
        {
            // A hole reads as zeros, used or not.
            if (isSparse && holes[i])
                Array.Clear(content, i * Unit, Unit);
        }
        bool[] all = isWhole ? Enumerable.Repeat(true, used.Length + 1).ToArray() : [.. used, used.Length % 2 == 0];
        byte[] expected = (byte[])content.Clone();
        for (int i = 0; i < all.Length; i++)
        {
            if (!all[i])
                Array.Clear(expected, i * Unit, Math.Min(Unit, length - i * Unit));
        }
        ByteRange[] Where(Func<int, bool> test) => Enumerable.Range(0, all.Length).Where(test).Select(i => new ByteRange((long)i * Unit, Math.Min(Unit, length - i * Unit))).ToArray();

        var volume = new MemoryVolume(new VolumeDescription { Name = "v", DevicePath = "v", Kind = VolumeKind.File, SizeBytes = length }, content)
        {
            Data = isSparse ? Where(i => i == used.Length || !holes[i]) : null,
        };
        using IBlockReader reader = volume.OpenReader();
        var geometry = new ChunkGeometry(length, Chunk);
        var source = new ChunkSource(reader, geometry, new UsedRanges(Where(i => all[i]), length));
        byte[] buffer = new byte[Chunk];
        for (long chunk = 0; chunk < geometry.ChunkCount; chunk++)
        {
            Array.Fill(buffer, (byte)0xEE);
            int count = geometry.LengthBytes(chunk);
            bool filled = source.HoldsData(chunk);
            if (filled)
                source.Fill(chunk, buffer);
            ReadOnlySpan<byte> wanted = expected.AsSpan((int)geometry.OffsetBytes(chunk), count);
            if (filled)
                Assert.True(wanted.SequenceEqual(buffer.AsSpan(0, count)));
            else
                Assert.True(wanted.IndexOfAnyExcept((byte)0) < 0);
            // Behind the chunk's end, and where nothing was filled, the buffer is untouched.
            Assert.True(buffer.AsSpan(filled ? count : 0).IndexOfAnyExcept((byte)0xEE) < 0);
        }
        // What is not used is not read.
        Assert.All(volume.Reads, read => Assert.True(all[(int)(read.OffsetBytes / Unit)]));
    }, iter: 500);

    [Fact]
    public void A_volume_that_ends_early_is_a_read_error()
    {
        var volume = new MemoryVolume(new VolumeDescription { Name = "v", DevicePath = "v", Kind = VolumeKind.File, SizeBytes = 100_000 }, new byte[100_000]);
        using IBlockReader reader = volume.OpenReader();
        volume.Content = new byte[70_000];
        var source = new ChunkSource(reader, new ChunkGeometry(100_000, Chunk), UsedRanges.Whole(100_000));
        byte[] buffer = new byte[Chunk];
        source.Fill(0, buffer);
        BlockReadException e = Assert.Throws<BlockReadException>(() => source.Fill(1, buffer));
        Assert.Equal((70_000L, 30_000L), (e.OffsetBytes, e.LengthBytes));
    }

    /// <summary>
    /// Behind a device that nothing reads ahead of, parts that lie near are read at once; what lies between them stays out of the
    /// chunk, and need not be readable.
    /// </summary>
    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 4)]
    public void Near_parts_are_read_at_once_and_what_is_between_them_is_left_out(bool isGapBad, int readCount)
    {
        const int ChunkBytes = 1 << 20, Gap = ChunkSource.JoinedGapBytes;
        byte[] content = SeededBytes.Make(5, ChunkBytes);
        ByteRange[] used = [new(8192, 4096), new(8192 + 4096 + Gap, 4096), new(8192 + 8192 + 2 * Gap + 4096, 512 << 10)];
        byte[] expected = new byte[ChunkBytes];
        foreach (ByteRange part in used)
            content.AsSpan((int)part.OffsetBytes, (int)part.LengthBytes).CopyTo(expected.AsSpan((int)part.OffsetBytes));
        using var reader = new QueuedReader(content, isGapBad ? 8192 + 4096 + 1 : null);
        var source = new ChunkSource(reader, new ChunkGeometry(ChunkBytes, ChunkBytes), new UsedRanges(used, ChunkBytes));
        byte[] buffer = SeededBytes.Make(6, ChunkBytes);
        source.Fill(0, buffer);
        Assert.True(expected.AsSpan().SequenceEqual(buffer));
        Assert.Equal(readCount, reader.ReadCount);
    }

    private sealed class QueuedReader(byte[] content, long? badOffset) : IQueuedReader
    {
        public int ReadCount { get; private set; }
        public int QueueBytes => 4 << 20;
        public long LengthBytes => content.Length;
        public int SectorSizeBytes => 512;

        public int ReadAt(long offsetBytes, Span<byte> buffer)
        {
            ReadCount++;
            if (badOffset >= offsetBytes && badOffset < offsetBytes + buffer.Length)
                throw new BlockReadException(offsetBytes, buffer.Length, "bad");
            content.AsSpan((int)offsetBytes, buffer.Length).CopyTo(buffer);
            return buffer.Length;
        }

        public void Dispose()
        {
        }
    }
}
