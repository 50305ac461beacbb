using System;
using System.Buffers.Binary;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.ExFat;

public sealed class ExFatReaderTests
{
    private static readonly Random s_random = new(1);
    private readonly ExFatReader _reader = new();
    private readonly PatchedVolume _volume = new(SeedImage.Load("exfat"));

    [Fact]
    public void TheSeed()
    {
        FileSystemDescription description = FileSystemCatalog.Probe(_volume)!.Value.Description;
        Assert.Equal(("exfat", "Seed", "1.0", 512, true), (description.Type, description.Label, description.Version, description.ClusterSizeBytes, description.IsClean));
        UsedRangeMap map = Read();
        long heap = BinaryPrimitives.ReadUInt32LittleEndian(_volume.Read(88, 4)) * 512L;
        long clusters = BinaryPrimitives.ReadUInt32LittleEndian(_volume.Read(92, 4));
        Assert.Equal(map.UsedBytes, description.UsedBytes + _volume.LengthBytes - clusters * 512);
        Assert.Equal(heap, map.Ranges[0].LengthBytes - FirstRunClusters(heap) * 512);
    }

    [Fact]
    public void ACircleInAChainIsRefused()
    {
        // The root directory points to itself.
        uint root = BinaryPrimitives.ReadUInt32LittleEndian(_volume.Read(96, 4));
        var entry = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, root);
        _volume.Patch(BinaryPrimitives.ReadUInt32LittleEndian(_volume.Read(80, 4)) * 512L + root * 4, entry);
        Assert.Throws<FileSystemFormatException>(Read);
        Assert.Equal("exfat", _reader.Probe(_volume)!.Type);
    }

    [Theory]
    [InlineData(108, 13)] // sector size
    [InlineData(109, 20)] // cluster size
    [InlineData(110, 3)] // tables
    [InlineData(92, 0)] // clusters beyond the end
    [InlineData(105, 2)] // revision 2
    [InlineData(80, 0)] // a table inside the boot regions
    public void GeometryThatMakesNoSense(int offset, byte value)
    {
        _volume.Patch(offset, value, offset == 92 ? (byte)0xFF : _volume.Read(offset + 1, 1)[0]);
        ExFatChecksum.Repair(_volume, s_random);
        _volume.Patch(12 * 512, new byte[12 * 512]); // no backup
        Assert.Throws<FileSystemFormatException>(Read);
        Assert.Equal("exfat", _reader.Probe(_volume)!.Type);
    }

    /// <summary>The seed made TexFAT: half the clusters, two tables, a second bitmap in cluster 900.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void WithTwoTablesTheActiveBitmapCounts(byte activeFlag, bool isSecond)
    {
        const long Fat = 24 * 512;
        const long SecondFat = 32 * 512;
        const long Heap = 40 * 512;
        const long Root = Heap + 13 * 512;
        const long SecondBitmap = Heap + 898 * 512;
        Assert.Equal((24, 40, 15), (Field(80), Field(88), Field(96)));
        _volume.Patch(110, 2);
        _volume.Patch(106, activeFlag);
        _volume.Patch(84, 8, 0, 0, 0);
        _volume.Patch(92, 0xE8, 3, 0, 0);
        _volume.Patch(SecondFat, _volume.Read(Fat, 8 * 512));
        _volume.Patch(SecondFat + 900 * 4, 0xFF, 0xFF, 0xFF, 0xFF);
        byte[] bitmap = _volume.Read(Heap, 251);
        bitmap[898 / 8] |= 1 << (898 % 8);
        _volume.Patch(SecondBitmap, bitmap);
        var entry = new byte[32];
        entry[0] = 0x81;
        entry[1] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(20), 900);
        entry[24] = 251;
        Assert.Equal(0x83, _volume.Read(Root, 1)[0]);
        _volume.Patch(Root, entry);
        ExFatChecksum.Repair(_volume, s_random);
        _volume.Patch(12 * 512, new byte[12 * 512]); // no backup to fall back to

        Assert.Equal(isSecond, Read().Covers(new ByteRange(SecondBitmap, 512)));
        _volume.Patch((isSecond ? SecondBitmap : Heap) + 200 / 8, 0xFF);
        long before = Read().UsedBytes;
        _volume.Patch((isSecond ? Heap : SecondBitmap) + 300 / 8, 0xFF);
        Assert.Equal(before, Read().UsedBytes);
        _volume.Patch((isSecond ? SecondBitmap : Heap) + 300 / 8, 0xFF);
        Assert.Equal(before + 8 * 512, Read().UsedBytes);
    }

    private int Field(int offset) => BinaryPrimitives.ReadInt32LittleEndian(_volume.Read(offset, 4));

    private UsedRangeMap Read() => _reader.ReadUsedRanges(_volume, CancellationToken.None);

    // The bitmap is the first thing in the heap.
    private int FirstRunClusters(long heap)
    {
        int count = 0;
        byte[] bits = _volume.Read(heap, 512);
        while ((bits[count >> 3] >> (count & 7) & 1) != 0)
            count++;
        return count;
    }
}
