using System;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Images.Format;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Format;

public sealed class ChunkGeometryTests
{
    private static readonly Gen<int> s_size = Gen.Int[16, 22].Select(bits => 1 << bits);

    [Fact]
    public void Chunks_cover_the_volume_without_gap_or_overlap() => Gen.Select(Gen.OneOf(Gen.Long[1, 20 << 20], Gen.Int[1, 5].Select(n => (long)n << 20)), s_size).Sample((volume, size) =>
    {
        var geometry = new ChunkGeometry(volume, size);
        long end = 0;
        for (long chunk = 0; chunk < geometry.ChunkCount; chunk++)
        {
            Assert.Equal(end, geometry.OffsetBytes(chunk));
            Assert.Equal(0, geometry.OffsetBytes(chunk) % size);
            int length = geometry.LengthBytes(chunk);
            Assert.InRange(length, 1, size);
            Assert.True(length == size || chunk == geometry.ChunkCount - 1);
            end += length;
        }
        Assert.Equal(volume, end);
    }, iter: 300);

    [Theory]
    [InlineData(1L, 256 << 10)]
    [InlineData(64L << 30, 256 << 10)]
    [InlineData((64L << 30) + 1, 512 << 10)]
    [InlineData(256L << 30, 512 << 10)]
    [InlineData((256L << 30) + 1, 1 << 20)]
    [InlineData(1L << 40, 1 << 20)]
    [InlineData((1L << 40) + 1, 2 << 20)]
    [InlineData(4L << 40, 2 << 20)]
    [InlineData((4L << 40) + 1, 4 << 20)]
    [InlineData(50L << 40, 4 << 20)]
    public void The_default_goes_by_the_volumes_size(long volume, int size)
    {
        Assert.Equal(size, ChunkGeometry.DefaultSizeBytes(volume));
        Assert.Equal(volume, new ChunkGeometry(volume, size).VolumeBytes);
    }

    [Theory]
    [InlineData(1L << 30, null, 256 << 10)]
    [InlineData(1L << 30, 1 << 20, 1 << 20)]
    [InlineData(2L << 40, 1 << 20, 1 << 20)]
    [InlineData(4L << 40, 1 << 20, 1 << 20)]
    // A volume that grew too far, and what is not a chunk's size.
    [InlineData((4L << 40) + 1, 1 << 20, 4 << 20)]
    [InlineData(1L << 30, 100_000, 256 << 10)]
    [InlineData(1L << 30, 8 << 20, 256 << 10)]
    [InlineData(1L << 30, 0, 256 << 10)]
    public void The_size_of_the_image_before_is_kept(long volume, int? previous, int size) => Assert.Equal(size, ChunkGeometry.UsualSizeBytes(volume, previous));

    [Theory]
    [InlineData(0)]
    [InlineData(-65536)]
    [InlineData(32 << 10)]
    [InlineData(8 << 20)]
    [InlineData(100_000)]
    [InlineData(65537)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void Other_sizes_are_refused(int size) =>
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => new ChunkGeometry(1 << 20, size)).Id);

    [Fact]
    public void Sizes_that_may_be_asked_for() =>
        Assert.Equal(7, Enumerable.Range(0, 32).Count(bits =>
        {
            try
            {
                return new ChunkGeometry(1 << 30, 1 << bits).ChunkCount > 0;
            }
            catch (ImageBackupException)
            {
                return false;
            }
        }));

    /// <summary>The list of chunks is one blob of 67 bytes each, and a blob has a bound: better told before the copying than after.</summary>
    [Fact]
    public void A_list_of_chunks_that_no_tree_can_hold_is_refused_beforehand()
    {
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => new ChunkGeometry(2L << 40, 64 << 10)).Id);
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => new ChunkGeometry(long.MaxValue, 4 << 20)).Id);
        Assert.Equal(1L << 23, new ChunkGeometry(1L << 42, 512 << 10).ChunkCount);
    }

    [Fact]
    public void There_is_no_volume_of_nothing() => Assert.Throws<ArgumentOutOfRangeException>(() => new ChunkGeometry(0, 1 << 20));
}
