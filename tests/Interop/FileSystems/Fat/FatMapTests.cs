using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Fat;

/// <summary>Maps of real FAT volumes against the table itself, partclone, fsck and the files.</summary>
public sealed class FatMapTests
{
    [Theory]
    [InlineData(1440, "FAT12", "-F", "12")]
    [InlineData(2048, "FAT12", "-F", "12", "-s", "1", "-f", "1")]
    [InlineData(16_001, "FAT12", "-F", "12", "-s", "8")]
    [InlineData(20_000, "FAT16", "-F", "16", "-s", "2", "-r", "1024")]
    [InlineData(65_537, "FAT16", "-F", "16")]
    [InlineData(131_072, "FAT16", "-F", "16", "-S", "4096")]
    [InlineData(40_003, "FAT32", "-F", "32", "-s", "1")]
    [InlineData(140_000, "FAT32", "-F", "32", "-s", "4", "-R", "64")]
    [InlineData(150_001, "FAT32", "-F", "32", "-S", "2048", "-s", "1")]
    [InlineData(300_000, "FAT32", "-F", "32", "-s", "8")]
    public void AFilledAndFrayedVolume(int sizeKiB, string version, params string[] options)
    {
        using ImageFile image = FatImages.Create(sizeKiB * 1024L, [.. options, "-n", "A LABEL", "-i", "1a2bc3d4"]);
        FatImages.Fill(image, Math.Min(sizeKiB * 512L, 6 << 20), sizeKiB);
        UsedRangeMap map = FatImages.ProveMap(image);

        FileSystemDescription description = new FatReader().Probe(image)!;
        Assert.Equal(("vfat", version, "A LABEL", "1A2B-C3D4"), (description.Type, description.Version, description.Label, description.Uuid));
        Assert.True(description.IsClean);
        Assert.Equal(map.ClusterSizeBytes, description.ClusterSizeBytes);
        string mapped = Tool.Run("fsck.fat", "-n", image.Path);
        // "image: 12 files, 34/56 clusters"
        string[] counts = mapped.Split(',')[^1].Trim().Split(' ')[0].Split('/');
        Assert.Equal(long.Parse(counts[0], CultureInfo.InvariantCulture) * map.ClusterSizeBytes, description.UsedBytes);
    }

    [Theory]
    // Not FAT12: partclone 0.3.23 reads its 12-bit entries as if they had 16.
    [InlineData(65_536, "partclone.vfat", "-F", "16")]
    [InlineData(131_072, "partclone.vfat", "-F", "32", "-s", "1")]
    public void NothingThatPartcloneTakesIsLeftOut(int sizeKiB, string partclone, params string[] options)
    {
        Tool.Require(partclone);
        using ImageFile image = FatImages.Create(sizeKiB * 1024L, options);
        FatImages.Fill(image, 4 << 20, 5);
        UsedRangeMap map = FatImages.ProveMap(image);
        List<ByteRange> theirs = MapCheck.PartcloneRanges(partclone, image);
        Assert.Empty(MapCheck.Subtract(theirs, map.Ranges));
        long more = MapCheck.Subtract(map.Ranges, theirs).Sum(static range => range.LengthBytes);
        Assert.True(more < 2 * map.ClusterSizeBytes, $"{more} bytes are used for us and free for partclone");
    }

    [Theory]
    [InlineData(34 << 10, "-F", "32", "-s", "1")]
    [InlineData(64, "-F", "12", "-s", "1")]
    [InlineData(20_480, "-F", "32", "-s", "8")] // Fewer clusters than the specification grants FAT32.
    public void AnEmptyVolume(int sizeKiB, params string[] options)
    {
        using ImageFile image = FatImages.Create(sizeKiB * 1024L, options);
        FatImages.ProveMap(image, isEmpty: true);
        Assert.Null(new FatReader().Probe(image)!.Label);
    }

    [Fact]
    public void CopiesThatDifferAreRefused()
    {
        using ImageFile image = FatImages.Create(20 << 20, "-F", "16");
        FatImages.Fill(image, 1 << 20, 1);
        long second = FatOffset(image) + FatBytes(image);
        image.Write(second + 100, [(byte)(image.Read(second + 100, 1)[0] ^ 0x10)]);
        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(() => Read(image));
        Assert.Contains("differs", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OnlyTheActiveCopyCountsWhereTheyAreNotKeptAlike()
    {
        using ImageFile image = FatImages.Create(40 << 20, "-F", "32", "-s", "1");
        FatImages.Fill(image, 1 << 20, 2);
        List<ByteRange> before = Read(image).Ranges.ToList();
        image.Write(40, [0x81]); // Mirroring off, copy 1 is active.
        image.Write(FatOffset(image) + 4096, new byte[8192]);
        Assert.Equal(before, Read(image).Ranges);
    }

    [Fact]
    public void AChainIntoAFreeClusterIsRefused()
    {
        using ImageFile image = FatImages.Create(20 << 20, "-F", "16", "-f", "1");
        FatImages.Fill(image, 1 << 20, 3);
        var entry = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(entry, 9_000);
        image.Write(FatOffset(image) + 2 * 5, entry);
        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(() => Read(image));
        Assert.Contains("free cluster", refused.Message, StringComparison.Ordinal);
        BinaryPrimitives.WriteUInt16LittleEndian(entry, 0xF000);
        image.Write(FatOffset(image) + 2 * 5, entry);
        Assert.Throws<FileSystemFormatException>(() => Read(image));
    }

    [Fact]
    public void BadClustersAreUsed()
    {
        using ImageFile image = FatImages.Create(40 << 20, "-F", "32", "-s", "1", "-f", "1");
        long usedBefore = Read(image).UsedBytes;
        var entry = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, 0x0FFFFFF7);
        image.Write(FatOffset(image) + 4 * 1000, entry);
        UsedRangeMap map = Read(image);
        Assert.Equal(usedBefore + 512, map.UsedBytes);
        Assert.Contains("FSInfo", Assert.Single(map.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("16", 37, 2, 0x7FFF)]
    [InlineData("32", 65, 4, 0x07FFFFFF)]
    public void AVolumeInUseIsNotClean(string width, int flagOffset, int entryBytes, int entry)
    {
        using ImageFile image = FatImages.Create(40 << 20, "-F", width, "-s", width == "32" ? "1" : "4");
        Assert.True(new FatReader().Probe(image)!.IsClean);
        image.Write(flagOffset, [1]);
        Assert.False(new FatReader().Probe(image)!.IsClean);
        image.Write(flagOffset, [0]);
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, entry);
        image.Write(FatOffset(image) + entryBytes, bytes.AsSpan(0, entryBytes));
        Assert.False(new FatReader().Probe(image)!.IsClean);
    }

    [Fact]
    public void ATruncatedVolumeIsRefused()
    {
        using ImageFile image = FatImages.Create(20 << 20, "-F", "16");
        image.SetLength((20 << 20) - 512);
        Assert.Throws<FileSystemFormatException>(() => Read(image));
        image.SetLength(25 << 20);
        Assert.True(Read(image).Covers(new ByteRange(20 << 20, 5 << 20)));
    }

    private static UsedRangeMap Read(ImageFile image) => new FatReader().ReadUsedRanges(image, CancellationToken.None);

    private static long FatOffset(ImageFile image) => Word(image, 14) * Word(image, 11);

    private static long FatBytes(ImageFile image) => Word(image, 22) * Word(image, 11);

    private static long Word(ImageFile image, long offset) => BinaryPrimitives.ReadUInt16LittleEndian(image.Read(offset, 2));
}
