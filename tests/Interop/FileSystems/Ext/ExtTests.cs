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

namespace ImageBackup.Tests.Interop.FileSystems.Ext;

/// <summary>ext2/3/4 volumes that mke2fs made and the kernel filled, against dumpe2fs, partclone and e2fsck.</summary>
public sealed class ExtTests
{
    private const long MiB = 1 << 20;

    public static TheoryData<string, string, int> Volumes => new()
    {
        // Type, mke2fs options, size in MiB.
        { "ext2", "-b 1024", 64 },
        { "ext2", "-b 4096", 200 },
        { "ext2", "-r 0 -O none -b 1024", 100 },
        { "ext3", "-b 1024", 128 },
        { "ext3", "-b 4096 -J size=8", 256 },
        { "ext4", "-b 1024", 200 },
        { "ext4", "-b 2048", 300 },
        { "ext4", "-b 4096", 1100 },
        { "ext4", "-b 4096 -O ^has_journal", 300 },
        { "ext4", "-b 4096 -O ^64bit", 300 },
        { "ext4", "-b 1024 -O ^64bit,^metadata_csum,uninit_bg", 300 },
        { "ext4", "-b 4096 -O ^metadata_csum,uninit_bg", 600 },
        { "ext4", "-b 4096 -O ^metadata_csum,^uninit_bg,^flex_bg", 600 },
        { "ext4", "-b 1024 -O ^flex_bg", 300 },
        { "ext4", "-b 1024 -O meta_bg,^resize_inode", 600 },
        { "ext4", "-b 1024 -O meta_bg,^resize_inode,^flex_bg,^64bit", 600 },
        { "ext4", "-b 1024 -O sparse_super2,^resize_inode", 300 },
        { "ext4", "-b 1024 -O ^sparse_super,^resize_inode", 300 },
        { "ext4", "-b 4096 -O bigalloc -C 65536", 600 },
        { "ext4", "-b 1024 -O bigalloc -C 16384", 300 },
        { "ext4", "-b 4096 -G 4 -g 8192 -N 20000", 300 },
        { "ext4", "-b 4096 -O metadata_csum_seed,inline_data,orphan_file,ea_inode,large_dir,mmp,encrypt,verity,stable_inodes", 300 },
        { "ext4", "-b 4096 -O fast_commit", 300 },
    };

    [Theory]
    [MemberData(nameof(Volumes))]
    public void ARealVolumeSurvivesNoiseInAllThatIsFree(string type, string options, int sizeMiB)
    {
        Tool.Require("mke2fs", "e2fsck", "dumpe2fs", "partclone.ext4", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", sizeMiB * MiB + 512 * 3);
        Tool.Shell($"mke2fs -q -F -t {type} -L testvol {options} '{image}'");
        CompareWithPeers(folder, image);
        using (var mount = new LoopMount(image, type))
            FileTree.Churn(mount.Path, sizeMiB * MiB / 4, seed: 1);
        UsedRangeMap map = CompareWithPeers(folder, image);
        AssertSurvivesNoise(folder, image, type, map);
    }

    [Theory]
    [InlineData("-b 65536")]
    [InlineData("-b 65536 -O ^has_journal,^flex_bg")]
    [InlineData("-b 32768 -O bigalloc -C 131072")]
    [InlineData("-b 4096 -O quota,project,casefold")]
    public void WhatThisKernelMayNotMountIsReadToo(string options)
    {
        // Blocks larger than a page, features a kernel can be built without: filled by debugfs.
        Tool.Require("mke2fs", "e2fsck", "dumpe2fs", "debugfs");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", 900 * MiB);
        Tool.Shell($"mke2fs -q -F -t ext4 {options} '{image}'");
        string noise = folder.File("noise");
        var bytes = new byte[3_000_000];
        new Random(5).NextBytes(bytes);
        File.WriteAllBytes(noise, bytes);
        string script = folder.File("script");
        File.WriteAllLines(script, Enumerable.Range(0, 20).Select(i => $"write {noise} f{i}")
            .Concat(Enumerable.Range(0, 10).Select(i => $"rm f{2 * i}")));
        Tool.Run("debugfs", "-w", "-f", script, image);
        // Brings quota files up to date.
        Tool.TryRun("e2fsck", "-fy", image);
        UsedRangeMap map = UsedRangeProof.Read(image);
        AssertFreeLikeDumpe2fs(image, map);
        string copy = folder.File("copy.img");
        File.Copy(image, copy);
        UsedRangeProof.FillFreeWithNoise(copy, map);
        Tool.Run("e2fsck", "-fn", copy);
        string back = folder.File("back");
        Tool.Run("debugfs", "-R", $"dump f11 {back}", copy);
        Assert.Equal(bytes, File.ReadAllBytes(back));
    }

    [Theory]
    [InlineData("-b 1024", 100, 700)]
    [InlineData("-b 4096", 900, 200)]
    [InlineData("-b 4096 -O sparse_super2,^resize_inode", 300, 900)]
    [InlineData("-b 1024 -O meta_bg,^resize_inode", 500, 120)]
    public void GrownAndShrunkVolumesAreRead(string options, int sizeMiB, int newSizeMiB)
    {
        Tool.Require("mke2fs", "e2fsck", "resize2fs", "partclone.ext4", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", Math.Max(sizeMiB, newSizeMiB) * MiB);
        Tool.Shell($"mke2fs -q -F -t ext4 {options} '{image}' {sizeMiB}M");
        using (var mount = new LoopMount(image, "ext4"))
            FileTree.Churn(mount.Path, Math.Min(sizeMiB, newSizeMiB) * MiB / 3, seed: 2);
        Tool.Run("e2fsck", "-fy", image);
        Tool.Run("resize2fs", image, $"{newSizeMiB}M");
        UsedRangeMap map = CompareWithPeers(folder, image);
        AssertSurvivesNoise(folder, image, "ext4", map);
    }

    [Fact]
    public void OnlineGrowthIsRead()
    {
        Tool.Require("mke2fs", "e2fsck", "resize2fs", "partclone.ext4", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", 1500 * MiB);
        Tool.Shell($"mke2fs -q -F -t ext4 -b 1024 '{image}' 100M");
        using (var mount = new LoopMount(image, "ext4"))
        {
            FileTree.Churn(mount.Path, 30 * MiB, seed: 3);
            (int code, string output, string error) = Tool.TryRun("resize2fs", mount.Device);
            Assert.SkipWhen(error.Contains("Permission denied to resize", StringComparison.Ordinal), "the kernel does not let this machine resize a mounted file system");
            Assert.True(code == 0, output + error);
            FileTree.Churn(mount.Path, 100 * MiB, seed: 4);
        }
        AssertSurvivesNoise(folder, image, "ext4", CompareWithPeers(folder, image));
    }

    [Theory]
    [InlineData("ext3", "-b 1024")]
    [InlineData("ext4", "-b 4096")]
    [InlineData("ext4", "-b 1024 -O ^64bit,^metadata_csum")]
    [InlineData("ext4", "-b 4096 -O bigalloc -C 65536")]
    public void AnUnreplayedJournalIsTakenIntoAccount(string type, string options)
    {
        Tool.Require("mke2fs", "e2fsck", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.File("ext.img"), crashed = folder.File("crashed.img");
        SortedDictionary<string, string> hashes = [];
        List<ByteRange> extents = [];
        // On a slow machine the kernel may have written the bitmaps by itself before the power cut: another one is tried.
        for (int attempt = 1; attempt <= 8; attempt++)
        {
            File.Delete(image);
            _ = folder.Sparse("ext.img", 300 * MiB);
            Tool.Shell($"mke2fs -q -F -t {type} {options} '{image}'");
            using var mount = new LoopMount(image, type, "rw,commit=300");
            FileTree.Churn(mount.Path, 40 * MiB, seed: 5);
            // What was changed until now is written; of what follows a file's fsync commits the log and leaves bitmaps unwritten.
            Tool.Run("sync", "-f", mount.Path);
            FileTree.WriteDurably(mount.Path, count: 60, lengthBytes: 400_000, seed: 6);
            // The backing file lacks what the loop device's cache has not written: a power cut.
            Tool.Run("cp", "--sparse=always", image, crashed);
            hashes = FileTree.Hash(mount.Path);
            extents = FileTree.Extents(mount.Path);
            if (MissesOrRefuses(crashed, extents))
                break;
        }
        // Without the log the same volume would lose files: the test's premise.
        Assert.True(MissesOrRefuses(crashed, extents));
        Assert.False(UsedRangeProof.Probe(crashed).IsClean);
        UsedRangeMap map = UsedRangeProof.Read(crashed);
        Assert.True(map.UsedBytes < 200 * MiB, $"{map.UsedBytes} bytes used");
        Assert.Equal(0, UsedRangeProof.MissingBytes(extents, map));
        VolumeProof.RecoversAfterNoise(crashed, type, map, hashes, Check);
    }

    [Fact]
    public void AFrozenVolumeIsRead()
    {
        Tool.Require("mke2fs", "e2fsck", "fsfreeze", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", 300 * MiB);
        Tool.Shell($"mke2fs -q -F -t ext4 -b 4096 '{image}'");
        string frozen = folder.File("frozen.img");
        using (var mount = new LoopMount(image, "ext4", "rw,commit=300"))
        {
            FileTree.Churn(mount.Path, 40 * MiB, seed: 5);
            FileTree.WriteDurably(mount.Path, count: 60, lengthBytes: 400_000, seed: 6);
            FrozenCopy.Take(mount.Path, image, frozen);
        }
        AssertSurvivesNoise(folder, frozen, "ext4", CompareWithPeers(folder, frozen));
    }

    [Theory]
    [InlineData("ext4", "-b 4096")]
    [InlineData("ext2", "-b 1024")]
    public void AMountedVolumeIsReadAfterAFlush(string type, string options)
    {
        Tool.Require("mke2fs", "losetup", "mount", "blockdev", "filefrag");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", 400 * MiB);
        Tool.Shell($"mke2fs -q -F -t {type} {options} '{image}'");
        using var mount = new LoopMount(image, type);
        for (int round = 0; round < 4; round++)
        {
            FileTree.Churn(mount.Path, 20 * MiB, seed: 10 + round);
            Tool.Run("blockdev", "--flushbufs", mount.Device);
            UsedRangeMap map = UsedRangeProof.Read(mount.Device, isFlushed: true);
            // Every block that the kernel says a file has must be in the map.
            List<ByteRange> extents = FileTree.Extents(mount.Path);
            Assert.True(extents.Count > 50);
            Assert.Equal(0, UsedRangeProof.MissingBytes(extents, map));
            Assert.InRange(map.UsedBytes, extents.Sum(extent => extent.LengthBytes), 200 * MiB);
        }
    }

    [Fact]
    public void AJournalDeviceIsNamedAndAllUsed()
    {
        Tool.Require("mke2fs");
        using var folder = new TestFolder();
        string journal = folder.Sparse("journal.img", 32 * MiB);
        Tool.Shell($"mke2fs -q -F -O journal_dev -b 4096 '{journal}'");
        Assert.Equal("jbd", UsedRangeProof.Probe(journal).Type);
        Assert.Equal(32 * MiB, UsedRangeProof.Read(journal).UsedBytes);
    }

    [Theory]
    [InlineData("debugfs -w -R 'ssv free_blocks_count 7' img", "superblock counts")]
    [InlineData("debugfs -w -R 'setb 20000' img; debugfs -w -R 'ssv free_blocks_count 60000' img", "superblock counts")]
    [InlineData("printf 'set_bg 1 free_blocks_count 5\nset_bg 1 checksum calc\n' >s; debugfs -w -f s img", "free clusters")]
    [InlineData("printf 'set_bg 1 block_bitmap 900000000\nset_bg 1 checksum calc\n' >s; debugfs -w -f s img", "outside the file system")]
    [InlineData("debugfs -w -R 'set_bg 1 flags 0' img", "descriptor does not match")]
    [InlineData("debugfs -w -R 'ssv feature_incompat 0x800002c3' img", "unknown incompatible features")]
    [InlineData("debugfs -w -R 'ssv feature_ro_compat 0x8000046b' img", "unknown read-only-compatible")]
    [InlineData("debugfs -w -R 'ssv state 0' img", "not cleanly unmounted")]
    [InlineData("debugfs -w -R 'ssv state 3' img", "marked as having errors")]
    [InlineData("dd if=/dev/zero of=img bs=1 seek=1100 count=4 conv=notrunc status=none", "checksum does not match")]
    [InlineData("truncate -s 290M img", "do not fit")]
    public void WhatCannotBeVouchedForIsRefusedByName(string damage, string reason)
    {
        Tool.Require("mke2fs", "debugfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("img", 300 * MiB);
        Tool.Shell($"mke2fs -q -F -t ext4 -b 1024 '{image}'");
        using (var mount = new LoopMount(image, "ext4"))
            FileTree.Churn(mount.Path, 20 * MiB, seed: 1);
        Tool.Shell($"cd '{folder.Path}'; ({damage}) 2>/dev/null");
        var refusal = Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image));
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-E lazy_itable_init=1,nodiscard -O ^has_journal")]
    // Every group has a bitmap that must be read.
    [InlineData("-E nodiscard -i 67108864 -O ^has_journal,^metadata_csum,^uninit_bg")]
    public void AVolumeOf16TiBIsReadInSeconds(string options)
    {
        Tool.Require("mke2fs");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", (16L << 40) - MiB);
        Tool.Shell($"mke2fs -q -F -t ext4 -b 4096 {options} '{image}'");
        UsedRangeMap map = VolumeProof.ReadWithinBounds(image);
        AssertFreeLikeDumpe2fs(image, map);
    }

    private static bool MissesOrRefuses(string image, List<ByteRange> extents)
    {
        try
        {
            return UsedRangeProof.MissingBytes(extents, UsedRangeProof.Read(image, isFlushed: true)) > 0;
        }
        catch (FileSystemFormatException)
        {
            return true;
        }
    }

    private static UsedRangeMap CompareWithPeers(TestFolder folder, string image)
    {
        UsedRangeMap map = UsedRangeProof.Read(image);
        AssertFreeLikeDumpe2fs(image, map);
        FileSystemDescription description = VolumeProof.DescribedAsByBlkid(image);
        // partclone does not read bigalloc ("bitmap error"); everything else it must.
        if (!Tool.Run("dumpe2fs", "-h", image).Contains(" bigalloc ", StringComparison.Ordinal))
        {
            // Ours alone: the tail behind the file system.
            Assert.InRange(VolumeProof.BytesBeyondPartclone(folder, image, "partclone.ext4", map), 0, new FileInfo(image).Length - description.SizeBytes!.Value + 65536);
        }
        return map;
    }

    private static void AssertFreeLikeDumpe2fs(string image, UsedRangeMap map)
    {
        string header = Tool.Run("dumpe2fs", "-h", image);
        long Field(string name) => long.Parse(Regex.Match(header, $@"^{name}:\s+(\d+)", RegexOptions.Multiline).Groups[1].Value, CultureInfo.InvariantCulture);
        long freeBytes = new FileInfo(image).Length - map.UsedBytes;
        Assert.Equal(Field("Free blocks") * Field("Block size"), freeBytes);
    }

    private static void AssertSurvivesNoise(TestFolder folder, string image, string type, UsedRangeMap map) =>
        VolumeProof.SurvivesNoise(folder, image, type, map, Check);

    private static void Check(string image) => Tool.Run("e2fsck", "-fn", image);
}
