using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Windows;
using ImageBackup.Engine.Volumes.Windows.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Windows;

/// <summary>Against a driver that answers as the documentation has it; the real one was never asked.</summary>
public sealed class WindowsVolumeBitmapTests
{
    private const uint NtfsData = 0x90064, Bitmap = 0x9006F, PointerBase = 0x90234, IsDirty = 0x90078;
    private const int MoreData = 234, InvalidFunction = 1;

    [Theory]
    [InlineData("NTFS", 0L)]
    [InlineData("ntfs", 0L)]
    [InlineData("FAT32", 8192L)]
    [InlineData("FAT", 8192L)]
    [InlineData("exFAT", 8192L)]
    public void What_the_driver_says(string fileSystem, long firstOffset)
    {
        var driver = new Driver(1000, c => c % 3 == 0);
        VolumeBitmap map = Assert.IsType<VolumeBitmap>(WindowsVolumeBitmap.Query(driver, fileSystem, 512, firstOffset + 1000 * 4096 + 512, () => 4096));
        Assert.Equal(("windows", 4096, firstOffset, 1000L), (map.Source, map.ClusterSizeBytes, map.FirstClusterOffsetBytes, map.ClusterCount));
        Assert.Equal(Enumerable.Range(0, 1000).Where(c => c % 3 == 0), Used(map.Pages));
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(7, 8)]
    [InlineData(8, 8)]
    [InlineData(64, 8)]
    [InlineData(65, 8)]
    [InlineData(1000, 8)]
    [InlineData(1000, 24)]
    [InlineData(100_000, 1 << 20)]
    public void Pages_of_any_size_add_up(int clusterCount, int pageBytes)
    {
        var random = new Random(clusterCount);
        bool[] used = [.. Enumerable.Range(0, clusterCount).Select(_ => random.Next(2) == 0)];
        var driver = new Driver(clusterCount, c => used[c]);
        Assert.Equal(Enumerable.Range(0, clusterCount).Where(c => used[c]), Used(WindowsVolumeBitmap.Pages(driver, clusterCount, pageBytes)));
        Assert.Equal((clusterCount + 8 * pageBytes - 1) / (8 * pageBytes), driver.Starts.Count);
        Assert.All(driver.Starts, s => Assert.Equal(0, s % 8));
        Assert.True(driver.LargestOutputBytes <= pageBytes + 16);
    }

    [Theory]
    [InlineData("ReFS")]
    [InlineData("CDFS")]
    [InlineData(null)]
    public void Other_file_systems_are_not_asked(string? fileSystem)
    {
        var driver = new Driver(8, _ => true);
        Assert.Null(WindowsVolumeBitmap.Query(driver, fileSystem, 512, 1 << 20, () => 4096));
        Assert.Equal(0, driver.CallCount);
    }

    [Fact]
    public void A_driver_that_does_not_answer_gives_no_map()
    {
        foreach (uint refused in new[] { NtfsData, Bitmap, IsDirty })
            Assert.Null(WindowsVolumeBitmap.Query(new Driver(8, _ => true) { Refused = refused }, "NTFS", 512, 1 << 20, () => 4096));
        foreach (uint refused in new[] { PointerBase, Bitmap, IsDirty })
            Assert.Null(WindowsVolumeBitmap.Query(new Driver(8, _ => true) { Refused = refused }, "exFAT", 512, 1 << 20, () => 4096));
        Assert.NotNull(WindowsVolumeBitmap.Query(new Driver(8, _ => true), "exFAT", 512, 1 << 20, () => 4096));
        Assert.Null(WindowsVolumeBitmap.Query(new Driver(8, _ => true) { DirtyFlags = 1 }, "NTFS", 512, 1 << 20, () => 4096));
        Assert.NotNull(WindowsVolumeBitmap.Query(new Driver(8, _ => true) { DirtyFlags = 4 }, "NTFS", 512, 1 << 20, () => 4096));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    [InlineData(3000)]
    [InlineData(1 << 30)]
    public void A_cluster_size_that_cannot_be_gives_no_map(long clusterSize) =>
        Assert.Null(WindowsVolumeBitmap.Query(new Driver(8, _ => true), "FAT32", 512, 1L << 40, () => clusterSize));

    [Fact]
    public void More_clusters_than_the_volume_holds_give_no_map()
    {
        Assert.NotNull(WindowsVolumeBitmap.Query(new Driver(8, _ => true), "NTFS", 512, 8 * 4096, () => 0));
        Assert.Null(WindowsVolumeBitmap.Query(new Driver(9, _ => true), "NTFS", 512, 9 * 4096 - 1, () => 0));
        Assert.Null(WindowsVolumeBitmap.Query(new Driver(8, _ => true), "FAT32", 512, 8 * 4096 + 8191, () => 4096));
    }

    [Fact]
    public void An_answer_that_breaks_off_is_an_error()
    {
        var failing = new Driver(1000, _ => true) { RefuseFrom = 512 };
        Assert.Throws<BlockReadException>(() => Used(WindowsVolumeBitmap.Pages(failing, 1000, 64)));
        var growing = new Driver(1001, _ => true);
        Assert.Throws<BlockReadException>(() => Used(WindowsVolumeBitmap.Pages(growing, 1000, 64)));
        var elsewhere = new Driver(1000, _ => true) { StartShift = 8 };
        Assert.Throws<BlockReadException>(() => Used(WindowsVolumeBitmap.Pages(elsewhere, 1000, 64)));
        var brief = new Driver(1000, _ => true) { SaysWhole = true };
        Assert.Throws<BlockReadException>(() => Used(WindowsVolumeBitmap.Pages(brief, 1000, 64)));
    }

    private static List<int> Used(IEnumerable<UsedMapPage> pages)
    {
        var used = new List<int>();
        foreach (UsedMapPage page in pages)
        {
            for (long bit = 0; bit < page.ClusterCount; bit++)
            {
                if ((page.Bits[bit >> 3] >> (int)(bit & 7) & 1) != 0)
                    used.Add((int)(page.FirstCluster + bit));
            }
        }
        return used;
    }

    private sealed class Driver(long clusterCount, Func<int, bool> isUsed) : IVolumeControl
    {
        public uint Refused { get; init; }
        public byte DirtyFlags { get; init; }
        public long RefuseFrom { get; init; } = long.MaxValue;
        public long StartShift { get; init; }
        public bool SaysWhole { get; init; }
        public List<long> Starts { get; } = [];
        public int CallCount { get; private set; }
        public int LargestOutputBytes { get; private set; }

        public bool Control(uint code, ReadOnlySpan<byte> input, Span<byte> output, out int returnedBytes, out int error)
        {
            CallCount++;
            returnedBytes = 0;
            error = InvalidFunction;
            if (code == Refused)
                return false;
            switch (code)
            {
                case NtfsData:
                    BinaryPrimitives.WriteInt32LittleEndian(output[44..], 4096);
                    returnedBytes = 96;
                    error = 0;
                    return true;
                case IsDirty:
                    output.Clear();
                    output[0] = DirtyFlags;
                    returnedBytes = 4;
                    error = 0;
                    return true;
                case PointerBase:
                    BinaryPrimitives.WriteInt64LittleEndian(output, 16);
                    returnedBytes = 8;
                    error = 0;
                    return true;
                case Bitmap:
                    return Answer(BinaryPrimitives.ReadInt64LittleEndian(input), output, out returnedBytes, out error);
                default:
                    throw new ArgumentOutOfRangeException(nameof(code));
            }
        }

        private bool Answer(long asked, Span<byte> output, out int returnedBytes, out int error)
        {
            returnedBytes = 0;
            error = InvalidFunction;
            if (asked >= RefuseFrom)
                return false;
            Starts.Add(asked);
            LargestOutputBytes = Math.Max(LargestOutputBytes, output.Length);
            output.Clear();
            long start = asked / 8 * 8 + StartShift, left = clusterCount - start;
            BinaryPrimitives.WriteInt64LittleEndian(output, start);
            BinaryPrimitives.WriteInt64LittleEndian(output[8..], left);
            long count = Math.Min(left, (output.Length - 16) * 8L);
            for (int bit = 0; bit < count; bit++)
            {
                if (isUsed((int)(start + bit)))
                    output[16 + bit / 8] |= (byte)(1 << bit % 8);
            }
            returnedBytes = 16 + (int)((count + 7) / 8);
            bool isWhole = count == left || SaysWhole;
            error = isWhole ? 0 : MoreData;
            return isWhole;
        }
    }
}
