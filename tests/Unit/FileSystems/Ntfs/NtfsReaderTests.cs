using System;
using System.Buffers.Binary;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Ntfs;

/// <summary>The reader on a small real volume, without any tool.</summary>
public sealed class NtfsReaderTests
{
    private readonly NtfsReader _reader = new();

    [Theory]
    [InlineData("ntfs", 1024, "Seed")]
    [InlineData("ntfs-extents", 512, null)]
    public void ProbeAndMapAgree(string seed, int clusterSize, string? label)
    {
        var volume = new PatchedVolume(SeedImage.Load(seed));
        FileSystemDescription description = _reader.Probe(volume)!;
        Assert.Equal((label, "3.1", clusterSize, true), (description.Label, description.Version, description.ClusterSizeBytes, description.IsClean));
        UsedRangeMap map = _reader.ReadUsedRanges(volume, CancellationToken.None);
        long tail = volume.LengthBytes - description.SizeBytes!.Value / clusterSize * clusterSize;
        Assert.Equal(map.UsedBytes, description.UsedBytes + tail);
        Assert.True(map.UsedBytes < volume.LengthBytes);
        (IFileSystemReader reader, FileSystemDescription known) = FileSystemCatalog.Probe(volume)!.Value;
        Assert.IsType<NtfsReader>(reader);
        Assert.Equal(description, known);
    }

    [Fact]
    public void WhatIsLeftOutOfTheSeed()
    {
        var volume = new PatchedVolume(SeedImage.Load("ntfs"));
        UsedRangeMap map = _reader.ReadUsedRanges(volume, CancellationToken.None);
        var files = _reader.FindLeftOutFiles(volume, isFlushed: false, CancellationToken.None);
        Assert.Equal([9 << 10, 30 << 10, 49 << 10], files.Select(static file => (int)file.Ranges.Sum(static range => range.LengthBytes)).Order());
        Assert.All(files.SelectMany(static file => file.Ranges), range => Assert.True(map.Covers(range)));
    }

    [Fact]
    public void WhatOfTheBitmapWasNeverWrittenIsFree()
    {
        var volume = new PatchedVolume(SeedImage.Load("ntfs"));
        UsedRangeMap whole = _reader.ReadUsedRanges(volume, CancellationToken.None);
        // The initialized size of $Bitmap's content: only the begin of the volume counts as written.
        long attribute = AttributeOffset(volume, record: 6, type: 0x80);
        long lastSystemByte = whole.Ranges[^2].EndBytes;
        long initialized = (lastSystemByte / 1024 + 7) / 8;
        var size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, initialized);
        volume.Patch(attribute + 0x38, size);
        Assert.Equal(whole.Ranges, _reader.ReadUsedRanges(volume, CancellationToken.None).Ranges);

        volume.Patch(attribute + 0x38, new byte[8]);
        Assert.Throws<FileSystemFormatException>(() => _reader.ReadUsedRanges(volume, CancellationToken.None));
        BinaryPrimitives.WriteInt64LittleEndian(size, 385);
        volume.Patch(attribute + 0x38, size);
        volume.Patch(attribute + 0x30, 1, 0);
        Assert.Throws<FileSystemFormatException>(() => _reader.ReadUsedRanges(volume, CancellationToken.None));
    }

    [Fact]
    public void ADirtyVolumeIsRefusedEvenWhenFlushed()
    {
        var volume = new PatchedVolume(SeedImage.Load("ntfs"));
        long information = AttributeOffset(volume, record: 3, type: 0x70);
        volume.Patch(information + 0x18 + 0x0A, 1);
        Assert.False(_reader.Probe(volume)!.IsClean);
        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(
            () => _reader.ReadUsedRanges(volume, isFlushed: true, CancellationToken.None));
        Assert.Contains("dirty", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CancellingEndsIt() =>
        Assert.Throws<OperationCanceledException>(() => _reader.ReadUsedRanges(new PatchedVolume(SeedImage.Load("ntfs")), new CancellationToken(canceled: true)));

    private static long AttributeOffset(PatchedVolume volume, int record, uint type)
    {
        long offset = BinaryPrimitives.ReadInt64LittleEndian(volume.Read(0x30, 8)) * 1024 + record * 1024;
        for (offset += BinaryPrimitives.ReadUInt16LittleEndian(volume.Read(offset + 0x14, 2)); ;
            offset += BinaryPrimitives.ReadUInt32LittleEndian(volume.Read(offset + 4, 4)))
        {
            uint found = BinaryPrimitives.ReadUInt32LittleEndian(volume.Read(offset, 4));
            Assert.NotEqual(uint.MaxValue, found);
            if (found == type)
                return offset;
        }
    }
}
