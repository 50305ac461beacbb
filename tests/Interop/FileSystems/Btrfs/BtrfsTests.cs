using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Btrfs;

/// <summary>btrfs volumes that mkfs made and the kernel filled, against btrfs inspect-internal and btrfs check.</summary>
public sealed class BtrfsTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData("-m single -d single", 300, "rw")]
    [InlineData("-m dup -d single", 400, "rw")]
    [InlineData("-m dup -d dup", 600, "rw")]
    [InlineData("--mixed", 200, "rw")]
    [InlineData("--mixed -m dup -d dup", 300, "rw")]
    [InlineData("-n 4096", 300, "rw")]
    [InlineData("-n 65536", 400, "rw")]
    [InlineData("-O ^skinny-metadata,^no-holes", 300, "rw")]
    [InlineData("-R free-space-tree", 300, "rw,compress=zstd")]
    [InlineData("-R ^free-space-tree", 300, "rw,space_cache=v1")]
    [InlineData("--csum xxhash", 300, "rw")]
    [InlineData("--csum sha256", 300, "rw")]
    [InlineData("--csum blake2", 300, "rw")]
    [InlineData("-O block-group-tree", 300, "rw")]
    public void ARealVolumeSurvivesNoiseInAllThatIsFree(string options, int sizeMiB, string mountOptions)
    {
        Tool.Require("mkfs.btrfs", "btrfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", sizeMiB * MiB + 4096 * 3);
        (int code, string output, string error) = Tool.TryRun("bash", "-euc", $"mkfs.btrfs -q -L testvol {options} '{image}'");
        Assert.SkipWhen(error.Contains("unrecognized filesystem feature", StringComparison.OrdinalIgnoreCase), "mkfs.btrfs does not know the option");
        Assert.True(code == 0, output + error);
        CompareWithPeers(image);
        using (var mount = new LoopMount(image, "btrfs", mountOptions))
            FileTree.Churn(mount.Path, sizeMiB * MiB / 5, seed: 1);
        UsedRangeMap map = CompareWithPeers(image);
        AssertSurvivesNoise(folder, image, map);
    }

    [Fact]
    public void SubvolumesSnapshotsAndReflinksAreRead()
    {
        Tool.Require("mkfs.btrfs", "btrfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 500 * MiB);
        Tool.Shell($"mkfs.btrfs -q -m dup '{image}'");
        using (var mount = new LoopMount(image, "btrfs"))
        {
            Tool.Run("btrfs", "subvolume", "create", mount.Path + "/a");
            FileTree.Churn(mount.Path + "/a", 40 * MiB, seed: 2);
            Tool.Run("btrfs", "subvolume", "snapshot", mount.Path + "/a", mount.Path + "/b");
            FileTree.Churn(mount.Path + "/a", 30 * MiB, seed: 3);
            Tool.Run("cp", "-r", "--reflink=always", mount.Path + "/b", mount.Path + "/c");
            Tool.Run("btrfs", "subvolume", "delete", "-c", mount.Path + "/b");
        }
        AssertSurvivesNoise(folder, image, CompareWithPeers(image));
    }

    [Fact]
    public void AChangedUuidIsRead()
    {
        Tool.Require("mkfs.btrfs", "btrfs", "btrfstune", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 300 * MiB);
        Tool.Shell($"mkfs.btrfs -q '{image}'; btrfstune -m '{image}'");
        using (var mount = new LoopMount(image, "btrfs"))
            FileTree.Churn(mount.Path, 20 * MiB, seed: 2);
        AssertSurvivesNoise(folder, image, CompareWithPeers(image));
    }

    [Fact]
    public void GrownShrunkAndBalancedVolumesAreRead()
    {
        Tool.Require("mkfs.btrfs", "btrfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 900 * MiB);
        Tool.Shell($"mkfs.btrfs -q -m single -d single -b 400M '{image}'");
        using (var mount = new LoopMount(image, "btrfs"))
        {
            FileTree.Churn(mount.Path, 60 * MiB, seed: 4);
            Tool.Run("btrfs", "filesystem", "resize", "max", mount.Path);
            FileTree.Churn(mount.Path, 60 * MiB, seed: 5);
            Tool.Run("btrfs", "balance", "start", "--full-balance", mount.Path);
            Tool.Run("btrfs", "filesystem", "resize", "700M", mount.Path);
        }
        AssertSurvivesNoise(folder, image, CompareWithPeers(image));
    }

    [Theory]
    [InlineData("-m single")]
    [InlineData("-m dup")]
    public void ALogTreeIsTakenIntoAccount(string options)
    {
        Tool.Require("mkfs.btrfs", "btrfs", "losetup", "mount", "filefrag");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 500 * MiB);
        Tool.Shell($"mkfs.btrfs -q {options} '{image}'");
        string crashed = folder.File("crashed.img");
        SortedDictionary<string, string> hashes;
        using (var mount = new LoopMount(image, "btrfs", "rw,commit=300"))
        {
            FileTree.Churn(mount.Path, 40 * MiB, seed: 5);
            FileTree.WriteDurably(mount.Path, count: 40, lengthBytes: 400_000, seed: 6);
            hashes = FileTree.Hash(mount.Path);
            // The backing file lacks what the file system has not written: a power cut.
            Tool.Run("cp", "--sparse=always", image, crashed);
        }
        Assert.False(UsedRangeProof.Probe(crashed).IsClean);
        UsedRangeMap map = UsedRangeProof.Read(crashed);
        Assert.InRange(map.UsedBytes, 40 * MiB, 300 * MiB);
        VolumeProof.RecoversAfterNoise(crashed, "btrfs", map, hashes, Check);
    }

    [Fact]
    public void AFrozenVolumeIsRead()
    {
        Tool.Require("mkfs.btrfs", "btrfs", "fsfreeze", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 400 * MiB);
        Tool.Shell($"mkfs.btrfs -q '{image}'");
        string frozen = folder.File("frozen.img");
        using (var mount = new LoopMount(image, "btrfs", "rw,commit=300"))
        {
            FileTree.Churn(mount.Path, 40 * MiB, seed: 5);
            FileTree.WriteDurably(mount.Path, count: 60, lengthBytes: 400_000, seed: 6);
            FrozenCopy.Take(mount.Path, image, frozen);
        }
        AssertSurvivesNoise(folder, frozen, CompareWithPeers(frozen));
    }

    [Fact]
    public void AMountedVolumeIsReadAfterASync()
    {
        Tool.Require("mkfs.btrfs", "losetup", "mount", "blockdev");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 500 * MiB);
        Tool.Shell($"mkfs.btrfs -q '{image}'");
        using var mount = new LoopMount(image, "btrfs");
        for (int round = 0; round < 4; round++)
        {
            FileTree.Churn(mount.Path, 20 * MiB, seed: 10 + round);
            Tool.Run("blockdev", "--flushbufs", mount.Device);
            UsedRangeMap map = UsedRangeProof.Read(mount.Device);
            Assert.InRange(map.UsedBytes, 10 * MiB * (round + 1), 300 * MiB);
        }
    }

    [Fact]
    public void ADamagedFirstCopyOfANodeIsReplacedByTheSecond()
    {
        Tool.Require("mkfs.btrfs", "btrfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 400 * MiB);
        Tool.Shell($"mkfs.btrfs -q -m dup '{image}'");
        using (var mount = new LoopMount(image, "btrfs"))
            FileTree.Churn(mount.Path, 20 * MiB, seed: 1);
        UsedRangeMap whole = UsedRangeProof.Read(image);
        long physical = Physical(image, Regex.Match(Tool.Run("btrfs", "inspect-internal", "dump-tree", "-t", "extent", image), @"^(?:leaf|node) (\d+)", RegexOptions.Multiline).Groups[1].Value);
        Overwrite(image, physical + 200, 40);
        Assert.Equal(whole.Ranges, UsedRangeProof.Read(image).Ranges);
    }

    [Fact]
    public void ADamagedOnlyCopyOfANodeIsRefused()
    {
        Tool.Require("mkfs.btrfs", "btrfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 400 * MiB);
        Tool.Shell($"mkfs.btrfs -q -m single '{image}'");
        using (var mount = new LoopMount(image, "btrfs"))
            FileTree.Churn(mount.Path, 20 * MiB, seed: 1);
        long physical = Physical(image, Regex.Match(Tool.Run("btrfs", "inspect-internal", "dump-tree", "-t", "extent", image), @"^(?:leaf|node) (\d+)", RegexOptions.Multiline).Groups[1].Value);
        Overwrite(image, physical + 200, 40);
        Assert.Contains("is damaged", Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SeveralDevicesAreRefused()
    {
        Tool.Require("mkfs.btrfs");
        using var folder = new TestFolder();
        string first = folder.Sparse("a.img", 300 * MiB);
        string second = folder.Sparse("b.img", 300 * MiB);
        Tool.Shell($"mkfs.btrfs -q -m raid1 -d raid0 '{first}' '{second}'");
        foreach (string image in new[] { first, second })
            Assert.Contains("spans 2 devices", Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATruncatedVolumeAndADamagedSuperblockAreRefused()
    {
        Tool.Require("mkfs.btrfs");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 300 * MiB);
        Tool.Shell($"mkfs.btrfs -q '{image}'");
        Tool.Shell($"truncate -s 290M '{image}'");
        Assert.Contains("do not fit", Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image)).Message, StringComparison.Ordinal);
        Overwrite(image, 65536 + 0x80, 3);
        Assert.Contains("checksum", Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AVolumeOf15TiBIsReadInSeconds()
    {
        Tool.Require("mkfs.btrfs");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 15L << 40);
        Tool.Shell($"mkfs.btrfs -q -K '{image}'");
        UsedRangeMap map = VolumeProof.ReadWithinBounds(image);
        Assert.InRange(map.UsedBytes, MiB, 16 * MiB);
    }

    private static UsedRangeMap CompareWithPeers(string image)
    {
        UsedRangeMap map = UsedRangeProof.Read(image);
        FileSystemDescription description = VolumeProof.DescribedAsByBlkid(image);
        string dump = Tool.Run("btrfs", "inspect-internal", "dump-super", image);
        Assert.Equal(long.Parse(Regex.Match(dump, @"^bytes_used\s+(\d+)", RegexOptions.Multiline).Groups[1].Value, CultureInfo.InvariantCulture), description.UsedBytes);
        AssertEqualsTreeDump(image, map);
        return map;
    }

    /// <summary>
    /// Exactly the extents that btrfs inspect-internal lists, at the places of their chunks, and what is reserved.
    /// partclone.btrfs is not a measure here: it marks nodes that no tree refers to any more and leaves out the second
    /// copies of DUP.
    /// </summary>
    private static void AssertEqualsTreeDump(string image, UsedRangeMap map)
    {
        long nodeSize = long.Parse(Regex.Match(Tool.Run("btrfs", "inspect-internal", "dump-super", image), @"^nodesize\s+(\d+)", RegexOptions.Multiline).Groups[1].Value, CultureInfo.InvariantCulture);
        var chunks = new List<(long Start, long Length, long[] Offsets)>();
        foreach (Match chunk in Regex.Matches(Tool.Run("btrfs", "inspect-internal", "dump-tree", "-t", "chunk", image), @"CHUNK_ITEM (\d+)\).*\n\s+length (\d+) .*\n.*\n.*\n(?:\s+stripe \d+ devid 1 offset (\d+)\n.*\n?)+"))
            chunks.Add((Number(chunk.Groups[1]), Number(chunk.Groups[2]), chunk.Groups[3].Captures.Select(capture => long.Parse(capture.Value, CultureInfo.InvariantCulture)).ToArray()));
        Assert.NotEmpty(chunks);
        long fileLength = new FileInfo(image).Length;
        long deviceLength = Number(Regex.Match(Tool.Run("btrfs", "inspect-internal", "dump-super", image), @"^dev_item.total_bytes\s+(\d+)", RegexOptions.Multiline).Groups[1]);
        var used = new System.Collections.BitArray((int)((fileLength + 4095) / 4096));
        void Use(long offset, long length)
        {
            for (long at = offset / 4096; at < Math.Min(used.Length, (offset + length + 4095) / 4096); at++)
                used[(int)at] = true;
        }
        Use(0, MiB);
        Use(64 * MiB, 65536);
        Use(deviceLength, fileLength - deviceLength);
        int extentCount = 0;
        foreach (Match extent in Regex.Matches(Tool.Run("btrfs", "inspect-internal", "dump-tree", "-t", "extent", image), @"key \((\d+) (EXTENT_ITEM|METADATA_ITEM) (\d+)\)"))
        {
            long start = Number(extent.Groups[1]);
            (long chunkStart, _, long[] offsets) = chunks.Single(chunk => start >= chunk.Start && start < chunk.Start + chunk.Length);
            foreach (long offset in offsets)
                Use(offset + start - chunkStart, extent.Groups[2].Value == "METADATA_ITEM" ? nodeSize : Number(extent.Groups[3]));
            extentCount++;
        }
        Assert.True(extentCount > 5);
        var ours = new System.Collections.BitArray(used.Length);
        foreach (ByteRange range in map.Ranges)
        {
            for (long at = range.OffsetBytes / 4096; at < (range.EndBytes + 4095) / 4096; at++)
                ours[(int)at] = true;
        }
        Assert.Equal(0, Enumerable.Range(0, used.Length).Count(at => used[at] != ours[at]));
    }

    private static long Number(Group group) => long.Parse(group.Value, CultureInfo.InvariantCulture);

    private static void AssertSurvivesNoise(TestFolder folder, string image, UsedRangeMap map) =>
        VolumeProof.SurvivesNoise(folder, image, "btrfs", map, Check);

    private static void Check(string image) => Tool.Run("btrfs", "check", "--readonly", "--check-data-csum", image);

    private static long Physical(string image, string logical) =>
        long.Parse(Regex.Match(Tool.Run("btrfs-map-logical", "-l", logical, image), @"mirror 1 logical \d+ physical (\d+)").Groups[1].Value, CultureInfo.InvariantCulture);

    private static void Overwrite(string image, long offset, int length)
    {
        using FileStream stream = File.Open(image, FileMode.Open, FileAccess.Write);
        stream.Position = offset;
        stream.Write(Enumerable.Repeat((byte)0xA5, length).ToArray());
    }
}
