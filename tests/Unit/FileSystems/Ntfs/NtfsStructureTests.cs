using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Ntfs;

public sealed class NtfsStructureTests
{
    private static readonly NtfsBootSector s_geometry = new()
    {
        SectorSizeBytes = 512,
        ClusterSizeBytes = 4096,
        SectorCount = 8_000,
        MftCluster = 4,
        MftMirrorCluster = 2,
        RecordSizeBytes = 1024,
        SerialNumber = 1,
    };

    [Theory]
    [InlineData(512, 1, 512)]
    [InlineData(512, 128, 65536)]
    [InlineData(4096, 16, 65536)]
    [InlineData(512, 0xF8, 131072)]
    [InlineData(512, 0xF4, 2097152)]
    [InlineData(4096, 0xF7, 2097152)]
    public void ClusterSizes(int sectorSize, int encoded, int clusterSize) =>
        Assert.Equal(clusterSize, Boot(sectorSize, (byte)encoded, 0xF6)?.ClusterSizeBytes);

    [Theory]
    [InlineData(512, 0)]
    [InlineData(512, 3)]
    [InlineData(512, 0x81)]
    [InlineData(512, 0xF3)]
    [InlineData(4096, 0xF4)]
    [InlineData(256, 8)]
    [InlineData(8192, 1)]
    public void ClusterSizesThatMakeNoSense(int sectorSize, int encoded) => Assert.Null(Boot(sectorSize, (byte)encoded, 0xF6));

    [Theory]
    [InlineData(0xF6, 1024)]
    [InlineData(0xF4, 4096)]
    [InlineData(1, 4096)]
    [InlineData(0, null)]
    [InlineData(3, null)]
    [InlineData(0x90, null)]
    public void RecordSizes(int encoded, int? size) => Assert.Equal(size, Boot(512, 8, (byte)encoded)?.RecordSizeBytes);

    [Fact]
    public void RunsGoForwardBackwardAndOverHoles()
    {
        // 3 clusters at 100, 2 at 90, a hole of 4, 0x101 at 300.
        List<NtfsRun> runs = Decode([0x11, 3, 100, 0x11, 2, 0xF6, 0x01, 4, 0x22, 0x01, 0x01, 0xD2, 0x00, 0], highestVcn: 265);
        Assert.Equal([new NtfsRun(0, 100, 3), new NtfsRun(3, 90, 2), new NtfsRun(5, -1, 4), new NtfsRun(9, 300, 0x101)], runs);
    }

    [Theory]
    [InlineData(2, 0x11, 3, 100, 0x11)] // cut off
    [InlineData(2, 0x10, 3, 0)] // no length
    [InlineData(2, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)] // a length of nine bytes
    [InlineData(-2, 0x11, 0xFF, 100, 0)] // a negative length
    [InlineData(-1, 0x11, 0, 100, 0)] // an empty run
    [InlineData(2, 0x11, 3, 0xFF, 0)] // before the volume
    [InlineData(2, 0x21, 3, 0xE6, 0x03, 0)] // across its end (cluster 998 of 1000)
    [InlineData(3, 0x11, 3, 100, 0)] // fewer than the extent says
    [InlineData(1, 0x11, 3, 100, 0)] // more
    public void RunsThatAreRefused(long highestVcn, params int[] pairs) =>
        Assert.Throws<FileSystemFormatException>(() => Decode(pairs.Select(static value => (byte)value).ToArray(), highestVcn));

    [Fact]
    public void AHoleBeyondAllBoundsIsRefused() =>
        Assert.Throws<FileSystemFormatException>(() => Decode([0x08, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0], long.MaxValue - 2));

    [Fact]
    public void AStreamReadsHolesAndTheUninitializedAsZeros()
    {
        byte[] disk = Enumerable.Range(0, 16 * 4096).Select(static i => (byte)(1 + i % 251)).ToArray();
        NtfsAttribute first = Attribute([0x11, 1, 5, 0x01, 1, 0x11, 2, 0xFE, 0], 3, dataSize: 4 * 4096 - 10, initializedSize: 3 * 4096 + 100);
        var runs = new List<NtfsRun>();
        NtfsRunList.Append(runs, first, s_geometry);
        var stream = new NtfsStream(new PatchedVolume(disk), 4096, first, runs);
        var expected = new byte[4 * 4096 - 10];
        disk.AsSpan(5 * 4096, 4096).CopyTo(expected);
        disk.AsSpan(3 * 4096, 4096 + 100).CopyTo(expected.AsSpan(2 * 4096));

        foreach ((int offset, int length) in new[] { (0, expected.Length), (4000, 200), (8000, 5000), (12_000, 4000), (expected.Length - 1, 1), (7, 0) })
        {
            var bytes = new byte[length];
            bytes.AsSpan().Fill(0xEE);
            stream.Read(offset, bytes);
            Assert.Equal(expected[offset..(offset + length)], bytes);
        }
        Assert.Throws<FileSystemFormatException>(() => stream.Read(expected.Length, new byte[1]));
    }

    [Fact]
    public void AStreamLongerThanItsRunsIsRefused()
    {
        NtfsAttribute first = Attribute([0x11, 1, 5, 0], 0, dataSize: 4097, initializedSize: 0);
        Assert.Throws<FileSystemFormatException>(() => new NtfsStream(new PatchedVolume([]), 4096, first, [new NtfsRun(0, 5, 1)]));
    }

    [Fact]
    public void ATornBlockIsRefused()
    {
        byte[] Block()
        {
            var block = new byte[1024];
            "FILE"u8.CopyTo(block);
            block[4] = 0x30;
            block[6] = 3;
            block[0x30] = 7;
            block[0x32] = 0xAA;
            block[0x34] = 0xBB;
            block[510] = 7;
            block[1022] = 7;
            return block;
        }

        byte[] good = Block();
        NtfsMultiSector.Restore(good, "FILE"u8, "it");
        Assert.Equal((0xAA, 0xBB), (good[510], good[1022]));
        foreach ((int offset, byte value) in new[] { (0, (byte)'B'), (4, (byte)0x31), (5, (byte)2), (6, (byte)2), (510, (byte)8), (1023, (byte)1) })
        {
            byte[] bad = Block();
            bad[offset] = value;
            Assert.Throws<FileSystemFormatException>(() => NtfsMultiSector.Restore(bad, "FILE"u8, "it"));
        }
    }

    private static List<NtfsRun> Decode(byte[] pairs, long highestVcn)
    {
        var runs = new List<NtfsRun>();
        NtfsRunList.Append(runs, Attribute(pairs, highestVcn, 0, 0), s_geometry);
        return runs;
    }

    private static NtfsAttribute Attribute(byte[] pairs, long highestVcn, long dataSize, long initializedSize)
    {
        var bytes = new byte[0x40 + pairs.Length];
        bytes[0] = 0x80;
        bytes[8] = 1;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x18), highestVcn);
        bytes[0x20] = 0x40;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x30), dataSize);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x38), initializedSize);
        pairs.CopyTo(bytes, 0x40);
        return new NtfsAttribute(bytes);
    }

    private static NtfsBootSector? Boot(int sectorSize, byte perCluster, byte perRecord)
    {
        var bytes = new byte[512];
        "NTFS    "u8.CopyTo(bytes.AsSpan(3));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(0x0B), (ushort)sectorSize);
        bytes[0x0D] = perCluster;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(0x28), 1 << 20);
        bytes[0x30] = 4;
        bytes[0x38] = 2;
        bytes[0x40] = perRecord;
        return NtfsBootSector.TryRead(new PatchedVolume(bytes));
    }

    /// <summary>A descriptor that is set without its length: any field that leads out of it is found, and no bytes are read behind it.</summary>
    [Fact]
    public void ADescriptorIsWholeOnlyIfAllOfItLiesInside()
    {
        // Owner and group S-1-5-32-544, an access list of two entries.
        const string sid = "01020000000000052000000020020000", everybody = "010100000000000100000000";
        byte[] whole = Convert.FromHexString("010004804800000058000000000000001400000002003400020000000000" + "1800FF011F00" + sid + "0000140089001200" + everybody + sid + sid);
        Assert.True(NtfsSecurity.IsWhole(whole));
        for (int length = 0; length < whole.Length; length++)
            Assert.False(NtfsSecurity.IsWhole(whole.AsSpan(0, length)), $"the first {length} bytes");
        foreach ((int offset, byte[] bytes) in new[]
        {
            (0, new byte[] { 2 }), (3, [0]), (4, [0xFF, 0xFF, 0xFF, 0xFF]), (8, [0x59]), (16, [0xFF, 0xFF, 0xFF, 0x7F]), (20, [9]), (22, [0xFF, 0xFF]), (22, [4]),
            (24, [3]), (30, [0xFF]), (30, [0]), (30, [0x17]), (73, [16]),
        })
        {
            byte[] damaged = (byte[])whole.Clone();
            bytes.CopyTo(damaged, offset);
            Assert.False(NtfsSecurity.IsWhole(damaged), $"{Convert.ToHexString(bytes)} at {offset}");
        }
        // Without an access list, everybody may do all: 0 in its place.
        byte[] open = (byte[])whole.Clone();
        open[16] = 0;
        Assert.True(NtfsSecurity.IsWhole(open));
    }
}
