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
}
