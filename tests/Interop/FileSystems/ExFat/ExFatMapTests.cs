using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.ExFat;

/// <summary>Maps of real exFAT volumes against dump.exfat, partclone, fsck and the files.</summary>
public sealed partial class ExFatMapTests
{
    [Theory]
    [InlineData(24_000, "-c", "512")]
    [InlineData(40_003, "-c", "4096")]
    [InlineData(100_000, "-c", "32768", "-b", "64K")]
    [InlineData(300_000, "-c", "131072")]
    [InlineData(700_000, "-c", "2M")]
    public void AFilledAndFrayedVolume(int sizeKiB, params string[] options)
    {
        using ImageFile image = Create(sizeKiB * 1024L, [.. options, "-L", "Tést"]);
        using (FuseMount mount = Mount(image))
            FileTree.Churn(mount.Root, Math.Min(sizeKiB * 256L, 12 << 20), sizeKiB);
        UsedRangeMap map = ProveMap(image);

        FileSystemDescription description = new ExFatReader().Probe(image)!;
        Assert.Equal(("exfat", "1.0", "Tést"), (description.Type, description.Version, description.Label));
        Assert.Equal(Tool.Run("blkid", "-p", "-o", "value", "-s", "UUID", image.Path).Trim(), description.Uuid);
        Assert.True(description.IsClean);
        Assert.Equal(map.ClusterSizeBytes, description.ClusterSizeBytes);
    }

    [Fact]
    public void AnEmptyVolume()
    {
        using ImageFile image = Create(8 << 20);
        ProveMap(image);
    }

    [Fact]
    public void AVolumeInUseIsNotCleanAndStillMapped()
    {
        using ImageFile image = Create(64 << 20);
        using (FuseMount mount = Mount(image))
            FileTree.Churn(mount.Root, 8 << 20, 7);
        Assert.True(new ExFatReader().Probe(image)!.IsClean);
        image.Write(106, [2]);
        Assert.False(new ExFatReader().Probe(image)!.IsClean);
        Assert.NotEmpty(Read(image).Ranges);
    }

    [Fact]
    public void ADamagedBootRegionIsReadByItsBackup()
    {
        using ImageFile image = Create(64 << 20);
        List<ByteRange> before = Read(image).Ranges.ToList();
        image.Write(92, [1, 2, 3, 4]);
        UsedRangeMap map = Read(image);
        Assert.Equal(before, map.Ranges);
        Assert.Contains("backup", Assert.Single(map.Warnings), StringComparison.Ordinal);
        image.Write(12 * 512 + 92, [1, 2, 3, 4]);
        Assert.Throws<FileSystemFormatException>(() => Read(image));
        Assert.Equal("exfat", new ExFatReader().Probe(image)!.Type);
    }

    [Fact]
    public void ABitmapThatCallsAFilesClusterFreeIsRefused()
    {
        using ImageFile image = Create(64 << 20, "-c", "4096");
        using (FuseMount mount = Mount(image))
            FileTree.Churn(mount.Root, 8 << 20, 8);
        Match start = BitmapStart().Match(Tool.Run("dump.exfat", image.Path));
        Assert.Equal("2", start.Groups[1].Value);
        long bitmap = BinaryPrimitives.ReadUInt32LittleEndian(image.Read(88, 4)) * 512L;
        // A byte in the midst of the files: all of its clusters belong to one.
        long at = bitmap + 100;
        Assert.Equal(0xFF, image.Read(at, 1)[0]);
        image.Write(at, [0xEF]);
        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(() => Read(image));
        Assert.Contains("bitmap", refused.Message, StringComparison.Ordinal);
        Assert.NotEqual(0, Tool.TryRun("fsck.exfat", "-n", image.Path).ExitCode);
    }

    /// <summary>The tools here take the bitmap as one run, whatever its chain says: no peer can judge this one.</summary>
    [Fact]
    public void ABitmapInManyRuns()
    {
        using ImageFile image = Create(512 << 20, "-c", "512");
        using (FuseMount mount = Mount(image))
            FileTree.Churn(mount.Root, 6 << 20, 9);
        UsedRangeMap before = Read(image);
        List<long> moved = ScatterBitmap(image);
        UsedRangeMap map = Read(image);
        Assert.Equal(before.UsedBytes, map.UsedBytes);
        Assert.All(moved, offset => Assert.True(map.Covers(new ByteRange(offset, 512)) && !before.Covers(new ByteRange(offset, 512))));
    }

    [Fact]
    public void ATruncatedVolumeIsRefused()
    {
        using ImageFile image = Create(20 << 20);
        image.SetLength((20 << 20) - 512);
        Assert.Throws<FileSystemFormatException>(() => Read(image));
        image.SetLength(25 << 20);
        Assert.True(Read(image).Covers(new ByteRange(20 << 20, 5 << 20)));
    }

    // Moves every fourth cluster of the bitmap to free ones further back, by the chain in the table.
    private static List<long> ScatterBitmap(ImageFile image)
    {
        byte[] boot = image.Read(0, 512);
        long fat = BinaryPrimitives.ReadUInt32LittleEndian(boot.AsSpan(80)) * 512L;
        long heap = BinaryPrimitives.ReadUInt32LittleEndian(boot.AsSpan(88)) * 512L;
        int clusters = BinaryPrimitives.ReadInt32LittleEndian(boot.AsSpan(92));
        int count = (clusters / 8 + 511) / 512;
        byte[] bitmap = image.Read(heap, count * 512);
        var chain = Enumerable.Range(2, count).ToArray();
        int free = clusters - 8;
        var moved = new List<long>();
        for (int i = 1; i < count; i += 4)
        {
            while ((bitmap[(free - 2) / 8] >> ((free - 2) % 8) & 1) != 0)
                free--;
            bitmap[(free - 2) / 8] |= (byte)(1 << ((free - 2) % 8));
            bitmap[(chain[i] - 2) / 8] &= (byte)~(1 << ((chain[i] - 2) % 8));
            chain[i] = free;
            moved.Add(heap + (free - 2L) * 512);
            free -= 3;
        }
        for (int i = 0; i < count; i++)
        {
            image.Write(heap + (chain[i] - 2L) * 512, bitmap.AsSpan(i * 512, 512));
            var entry = new byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(entry, i + 1 < count ? chain[i + 1] : -1);
            image.Write(fat + chain[i] * 4L, entry);
        }
        return moved;
    }

    private static UsedRangeMap ProveMap(ImageFile image)
    {
        UsedRangeMap map = Read(image);
        MapCheck.IsWellFormed(map, image.LengthBytes);
        Assert.Empty(map.Warnings);

        string dump = Tool.Run("dump.exfat", image.Path);
        long total = Number(TotalClusters().Match(dump));
        long free = Number(FreeClusters().Match(dump));
        Assert.Equal((total - free) * map.ClusterSizeBytes, new ExFatReader().Probe(image)!.UsedBytes);
        Assert.Equal(image.LengthBytes - free * map.ClusterSizeBytes, map.UsedBytes);

        if (Tool.Find("partclone.exfat") is not null)
        {
            List<ByteRange> theirs = MapCheck.PartcloneRanges("partclone.exfat", image);
            Assert.Empty(MapCheck.Subtract(theirs, map.Ranges));
        }

        SortedDictionary<string, string> hashes = Hash(image);
        using ImageFile copy = image.Copy();
        MapCheck.OverwriteFree(copy, map);
        Tool.Run("fsck.exfat", "-n", copy.Path);
        Assert.Equal(hashes, Hash(copy));
        return map;
    }

    private static UsedRangeMap Read(ImageFile image) => new ExFatReader().ReadUsedRanges(image, CancellationToken.None);

    private static FuseMount Mount(ImageFile image) => new("mount.exfat-fuse", image, needsDevice: true);

    private static SortedDictionary<string, string> Hash(ImageFile image)
    {
        using var mount = new FuseMount("mount.exfat-fuse", image, "ro", needsDevice: true);
        return FileTree.Hash(mount.Root);
    }

    private static ImageFile Create(long lengthBytes, params string[] options)
    {
        Tool.Require("mkfs.exfat", "mount.exfat-fuse", "fsck.exfat", "dump.exfat", "losetup");
        FuseMount.Require();
        ImageFile image = ImageFile.Create(lengthBytes);
        try
        {
            Tool.Run("mkfs.exfat", [.. options, image.Path]);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static long Number(Match match)
    {
        Assert.True(match.Success, "dump.exfat gave no cluster count");
        return long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"Total Clusters:\s+(\d+)")]
    private static partial Regex TotalClusters();

    [GeneratedRegex(@"Free Clusters:\s+(\d+)")]
    private static partial Regex FreeClusters();

    [GeneratedRegex(@"Bitmap start cluster:\s+(\d+)")]
    private static partial Regex BitmapStart();
}
