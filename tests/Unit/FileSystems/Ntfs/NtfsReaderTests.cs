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
        var files = _reader.FindOmittedFiles(volume, isFlushed: false, CancellationToken.None);
        Assert.Equal([9 << 10, 30 << 10, 49 << 10], files.Select(static file => (int)file.Ranges.Sum(static range => range.LengthBytes)).Order());
        Assert.All(files.SelectMany(static file => file.Ranges), range => Assert.True(map.Covers(range)));
    }

    /// <summary>A paging file whose runs a fault has set onto other clusters must not take these out of the image.</summary>
    [Theory]
    [InlineData(null, "same cluster")]
    [InlineData(2, "system file 2")]
    [InlineData(6, "system file 6")]
    public void ALeftOutFileThatHoldsAnothersClustersIsRefused(int? systemRecord, string reason)
    {
        var volume = new PatchedVolume(SeedImage.Load("ntfs"));
        OmittedFile[] files = _reader.FindOmittedFiles(volume, isFlushed: false, CancellationToken.None).OrderBy(f => f.Ranges[0].OffsetBytes).ToArray();
        long lcn = files[0].Ranges[0].OffsetBytes / 1024;
        (long pairs, int lcnBytes) = Enumerable.Range(12, 100).Select(r => FirstRun(volume, r)).First(r => r.Lcn == lcn) is var found ? (found.LcnOffset, found.LcnBytes) : default;
        long other = systemRecord is { } record ? FirstRun(volume, record).Lcn : files[1].Ranges[0].OffsetBytes / 1024;
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, other);
        Assert.True(other < 1L << (8 * lcnBytes - 1));
        volume.Patch(pairs, bytes.AsSpan(0, lcnBytes).ToArray());

        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(
            () => _reader.FindOmittedFiles(volume, isFlushed: false, CancellationToken.None));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
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

    /// <summary>The first run of a record's content, and where its cluster number is written; all -1 if it has none.</summary>
    private static (long Lcn, long LcnOffset, int LcnBytes) FirstRun(PatchedVolume volume, int record)
    {
        long start = BinaryPrimitives.ReadInt64LittleEndian(volume.Read(0x30, 8)) * 1024 + record * 1024L;
        if (start + 1024 > volume.LengthBytes || !volume.Read(start, 4).AsSpan().SequenceEqual("FILE"u8))
            return (-1, -1, -1);
        for (long offset = start + BinaryPrimitives.ReadUInt16LittleEndian(volume.Read(start + 0x14, 2)); ;
            offset += BinaryPrimitives.ReadUInt32LittleEndian(volume.Read(offset + 4, 4)))
        {
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(volume.Read(offset, 4));
            if (type == uint.MaxValue)
                return (-1, -1, -1);
            if (type != 0x80 || volume.Read(offset + 8, 1)[0] == 0)
                continue;
            long pairs = offset + BinaryPrimitives.ReadUInt16LittleEndian(volume.Read(offset + 0x20, 2));
            int header = volume.Read(pairs, 1)[0], lcnBytes = header >> 4;
            long at = pairs + 1 + (header & 15), lcn = 0;
            for (int i = lcnBytes - 1; i >= 0; i--)
                lcn = lcn << 8 | volume.Read(at + i, 1)[0];
            return (lcn, at, lcnBytes);
        }
    }

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
