using System;
using System.Buffers.Binary;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Fat;

public sealed class FatReaderTests
{
    private readonly FatReader _reader = new();

    [Theory]
    [InlineData("fat12", "FAT12", 1024)]
    [InlineData("fat16", "FAT16", 512)]
    [InlineData("fat32", "FAT32", 512)]
    public void ASeed(string seed, string version, int clusterSize)
    {
        var volume = new PatchedVolume(SeedImage.Load(seed));
        FileSystemDescription description = FileSystemCatalog.Probe(volume)!.Value.Description;
        Assert.Equal(
            ("vfat", version, "SEED", "1111-2222", clusterSize, true),
            (description.Type, description.Version, description.Label, description.Uuid, description.ClusterSizeBytes, description.IsClean));
        UsedRangeMap map = _reader.ReadUsedRanges(volume, CancellationToken.None);
        Assert.Empty(map.Warnings);
        // Three files and two in the directory of 3,000, 9,000, 15,000 and 15,000 bytes, the directory, FAT32's root.
        long Clusters(int bytes) => (bytes + clusterSize - 1) / clusterSize;
        long count = Clusters(3000) + Clusters(9000) + 2 * Clusters(15000) + 1 + (version == "FAT32" ? 1 : 0);
        Assert.Equal(count * clusterSize, description.UsedBytes);
    }

    [Theory]
    [InlineData(0, 0x00)] // no jump
    [InlineData(510, 0x00)] // no mark
    [InlineData(11, 0x01)] // sector size
    [InlineData(13, 0x03)] // sectors in a cluster
    [InlineData(13, 0x00)]
    [InlineData(16, 0x00)] // no table
    [InlineData(16, 0x09)]
    [InlineData(21, 0x12)] // medium
    public void WhatIsNotFat(int offset, byte value)
    {
        var volume = new PatchedVolume(SeedImage.Load("fat16"));
        volume.Patch(offset, value);
        Assert.Null(_reader.Probe(volume));
        Assert.Throws<FileSystemFormatException>(() => _reader.ReadUsedRanges(volume, CancellationToken.None));
    }

    [Theory]
    [InlineData("fat16")]
    [InlineData("fat32")]
    public void ATableThatBeginsWithZerosIsRefused(string seed)
    {
        var volume = new PatchedVolume(SeedImage.Load(seed));
        int reserved = BinaryPrimitives.ReadUInt16LittleEndian(volume.Read(14, 2));
        long sectors = BinaryPrimitives.ReadUInt16LittleEndian(volume.Read(22, 2));
        if (sectors == 0)
            sectors = BinaryPrimitives.ReadUInt32LittleEndian(volume.Read(36, 4));
        volume.Patch(reserved * 512, new byte[512]);
        volume.Patch((reserved + sectors) * 512, new byte[512]);
        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(() => _reader.ReadUsedRanges(volume, CancellationToken.None));
        Assert.Contains("medium", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATableTooShortForTheClustersIsRefused()
    {
        var volume = new PatchedVolume(SeedImage.Load("fat16"));
        volume.Patch(22, 20, 0);
        Assert.Throws<FileSystemFormatException>(() => _reader.ReadUsedRanges(volume, CancellationToken.None));
        Assert.Equal("vfat", _reader.Probe(volume)!.Type);
    }
}
