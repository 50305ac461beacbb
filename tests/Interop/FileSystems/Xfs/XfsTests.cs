using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Xfs;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Xfs;

/// <summary>XFS volumes that mkfs made and the kernel filled, against xfs_db, partclone and xfs_repair.</summary>
public sealed class XfsTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData("", 400, 512)]
    [InlineData("-b size=1024", 400, 512)]
    [InlineData("-m rmapbt=1", 600, 512)]
    [InlineData("-m finobt=0,reflink=0,bigtime=0,inobtcount=0", 400, 512)]
    [InlineData("-d agcount=16 -l size=70m", 2000, 512)]
    [InlineData("-s size=4096", 400, 4096)]
    [InlineData("-l size=64m,su=64k", 400, 512)]
    [InlineData("-i size=1024,sparse=0 -n size=8192", 400, 512)]
    [InlineData("-d su=64k,sw=3 -i nrext64=1 -l size=64m", 800, 512)]
    public void ARealVolumeSurvivesNoiseInAllThatIsFree(string options, int sizeMiB, int sectorSize)
    {
        Tool.Require("mkfs.xfs", "xfs_db", "xfs_repair", "partclone.xfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", sizeMiB * MiB + 4096 * 3);
        Tool.Shell($"mkfs.xfs -q -L testvol {options} '{image}'");
        CompareWithPeers(folder, image);
        using (var mount = new LoopMount(image, "xfs", sectorSizeBytes: sectorSize))
            FileTree.Churn(mount.Path, sizeMiB * MiB / 4, seed: 1);
        UsedRangeMap map = CompareWithPeers(folder, image);
        AssertSurvivesNoise(folder, image, map, sectorSize);
    }

    [Fact]
    public void ManyFreeExtentsMakeTreesOfSeveralLevels()
    {
        Tool.Require("mkfs.xfs", "xfs_db", "xfs_repair", "fallocate", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 400 * MiB);
        Tool.Shell($"mkfs.xfs -q -b size=1024 -d agcount=2 '{image}'");
        using (var mount = new LoopMount(image, "xfs"))
        {
            FileTree.Churn(mount.Path, 20 * MiB, seed: 3);
            // Every other block punched out of a large file: tens of thousands of free extents.
            string comb = Path.Combine(mount.Path, "comb");
            using FileStream stream = File.Create(comb);
            var bytes = new byte[60 * MiB];
            new Random(9).NextBytes(bytes);
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
            FileHoles.PunchEveryOther(stream, 1024, bytes.Length);
        }
        string levels = Tool.Run("xfs_db", "-r", "-c", "agf 0", "-c", "p bnolevel", "-c", "agf 1", "-c", "p bnolevel", image);
        Assert.True(Regex.Matches(levels, @"= (\d+)").Max(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)) >= 2, levels);
        UsedRangeMap map = CompareWithPeers(folder, image);
        Assert.True(map.Ranges.Count > 10_000, $"{map.Ranges.Count} ranges");
        AssertSurvivesNoise(folder, image, map);
    }

    [Theory]
    [InlineData("-m crc=0 -b size=512")]
    [InlineData("-m crc=0 -b size=4096")]
    [InlineData("-m crc=0 -b size=4096 -l lazy-count=0,version=1")]
    [InlineData("-m crc=1 -b size=65536")]
    public void WhatThisKernelMayNotMountIsReadToo(string options)
    {
        Tool.Require("mkfs.xfs", "xfs_db", "xfs_repair");
        using var folder = new TestFolder();
        string source = folder.File("source");
        File.WriteAllBytes(source, RandomBytes(3_000_000));
        string proto = folder.File("proto");
        File.WriteAllLines(proto, new[] { "dummy", "0 0", "d--755 0 0" }
            .Concat(Enumerable.Range(0, 20).Select(i => $"f{i} ---644 0 0 {source}")).Append("$"));
        string image = folder.Sparse("xfs.img", 700 * MiB);
        (int code, _, string error) = Tool.TryRun("bash", "-euc", $"mkfs.xfs -q {options} -p '{proto}' '{image}'");
        Assert.True(code == 0, error);
        UsedRangeMap map = UsedRangeProof.Read(image);
        AssertFreeLikeXfsDb(image, map);
        Assert.InRange(map.UsedBytes, 60 * MiB, 200 * MiB);
        UsedRangeProof.FillFreeWithNoise(image, map);
        Tool.Run("xfs_repair", "-n", image);
    }

    [Fact]
    public void AChangedUuidIsRead()
    {
        Tool.Require("mkfs.xfs", "xfs_admin", "xfs_db", "xfs_repair", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 400 * MiB);
        Tool.Shell($"mkfs.xfs -q '{image}'");
        Tool.Run("xfs_admin", "-U", "generate", image);
        using (var mount = new LoopMount(image, "xfs"))
            FileTree.Churn(mount.Path, 20 * MiB, seed: 4);
        AssertSurvivesNoise(folder, image, CompareWithPeers(folder, image));
    }

    [Fact]
    public void AGrownVolumeIsRead()
    {
        Tool.Require("mkfs.xfs", "xfs_growfs", "xfs_db", "xfs_repair", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 1300 * MiB);
        Tool.Shell($"mkfs.xfs -q -d size=400m '{image}'");
        using (var mount = new LoopMount(image, "xfs"))
        {
            FileTree.Churn(mount.Path, 40 * MiB, seed: 5);
            (int code, string output, string error) = Tool.TryRun("xfs_growfs", mount.Path);
            Assert.SkipWhen(error.Contains("not permitted", StringComparison.Ordinal), "the kernel does not let this machine resize a mounted file system");
            Assert.True(code == 0, output + error);
            FileTree.Churn(mount.Path, 60 * MiB, seed: 6);
        }
        AssertSurvivesNoise(folder, image, CompareWithPeers(folder, image));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-b size=1024 -m rmapbt=1")]
    [InlineData("-l su=256k")]
    public void AnUnreplayedLogIsTakenIntoAccount(string options)
    {
        Tool.Require("mkfs.xfs", "xfs_repair", "losetup", "mount", "filefrag");
        using var folder = new TestFolder();
        string image = folder.File("xfs.img"), crashed = folder.File("crashed.img");
        SortedDictionary<string, string> hashes = [];
        List<ByteRange> extents = [];
        // On a slow machine the kernel may have written all by itself before the power cut: another one is tried.
        for (int attempt = 1; attempt <= 8; attempt++)
        {
            File.Delete(image);
            _ = folder.Sparse("xfs.img", 500 * MiB);
            Tool.Shell($"mkfs.xfs -q {options} '{image}'");
            using var mount = new LoopMount(image, "xfs");
            FileTree.Churn(mount.Path, 40 * MiB, seed: 5);
            Tool.Run("sync", "-f", mount.Path);
            FileTree.WriteDurably(mount.Path, count: 60, lengthBytes: 400_000, seed: 6);
            // The backing file lacks what the file system has not written: a power cut.
            Tool.Run("cp", "--sparse=always", image, crashed);
            hashes = FileTree.Hash(mount.Path);
            extents = FileTree.Extents(mount.Path);
            if (MissesWithoutLog(crashed, extents))
                break;
        }
        // Without the log the same volume would lose files: the test's premise.
        Assert.True(MissesWithoutLog(crashed, extents));
        Assert.False(UsedRangeProof.Probe(crashed).IsClean);
        UsedRangeMap map = UsedRangeProof.Read(crashed);
        Assert.InRange(map.UsedBytes, 60 * MiB, 300 * MiB);
        Assert.Equal(0, UsedRangeProof.MissingBytes(extents, map));
        VolumeProof.RecoversAfterNoise(crashed, "xfs", map, hashes, Check);
    }

    [Fact]
    public void AFrozenVolumeIsRead()
    {
        Tool.Require("mkfs.xfs", "xfs_repair", "fsfreeze", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 400 * MiB);
        Tool.Shell($"mkfs.xfs -q '{image}'");
        string frozen = folder.File("frozen.img");
        SortedDictionary<string, string> hashes;
        using (var mount = new LoopMount(image, "xfs"))
        {
            FileTree.Churn(mount.Path, 40 * MiB, seed: 5);
            FileTree.WriteDurably(mount.Path, count: 60, lengthBytes: 400_000, seed: 6);
            hashes = FileTree.Hash(mount.Path);
            FrozenCopy.Take(mount.Path, image, frozen);
        }
        UsedRangeMap map = UsedRangeProof.Read(frozen);
        Assert.InRange(map.UsedBytes, 60 * MiB, 250 * MiB);
        VolumeProof.RecoversAfterNoise(frozen, "xfs", map, hashes, Check);
    }

    [Fact]
    public void AMountedVolumeIsReadAfterASync()
    {
        Tool.Require("mkfs.xfs", "losetup", "mount", "blockdev", "filefrag");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 400 * MiB);
        Tool.Shell($"mkfs.xfs -q '{image}'");
        using var mount = new LoopMount(image, "xfs");
        for (int round = 0; round < 4; round++)
        {
            FileTree.Churn(mount.Path, 20 * MiB, seed: 10 + round);
            Tool.Run("blockdev", "--flushbufs", mount.Device);
            UsedRangeMap map = UsedRangeProof.Read(mount.Device);
            Assert.Equal(0, UsedRangeProof.MissingBytes(FileTree.Extents(mount.Path), map));
            Assert.True(map.UsedBytes < 300 * MiB);
        }
    }

    [Theory]
    [InlineData("xfs_db -x -c 'sb 0' -c 'write -d fdblocks 7' img", "superblock counts")]
    [InlineData("xfs_db -x -c 'agf 1' -c 'write -d freeblks 7' img", "the header 7")]
    [InlineData("xfs_db -x -c 'agf 1' -c 'write -c freeblks 7' img", "does not match its checksum")]
    [InlineData("xfs_db -x -c 'agf 1' -c 'addr bnoroot' -c 'write -d recs[1].blockcount 900000' img", "lies outside")]
    [InlineData("xfs_db -x -c 'agf 1' -c 'addr cntroot' -c 'write -c numrecs 0' img", "does not match its checksum")]
    [InlineData("xfs_db -x -c 'sb 0' -c 'write -d rblocks 5000' img", "realtime section: copied whole")]
    [InlineData("xfs_db -x -c 'sb 0' -c 'write -d features_incompat 0x8000000b' img", "unknown features")]
    [InlineData("dd if=/dev/zero of=img bs=1 seek=20 count=60 conv=notrunc status=none", "xfs")]
    [InlineData("truncate -s 390M img", "do not fit")]
    public void WhatCannotBeVouchedForIsRefusedByName(string damage, string reason)
    {
        Tool.Require("mkfs.xfs", "xfs_db", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("img", 400 * MiB);
        Tool.Shell($"mkfs.xfs -q '{image}'");
        using (var mount = new LoopMount(image, "xfs"))
            FileTree.Churn(mount.Path, 20 * MiB, seed: 1);
        Tool.Shell($"cd '{folder.Path}'; ({damage}) >/dev/null 2>&1");
        var refusal = Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image));
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARealtimeSectionAndAnExternalLogAreRefused()
    {
        Tool.Require("mkfs.xfs");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 400 * MiB);
        string other = folder.Sparse("other.img", 400 * MiB);
        Tool.Shell($"mkfs.xfs -q -m reflink=0 -r rtdev='{other}' '{image}'");
        Assert.Contains("realtime", Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image)).Message, StringComparison.Ordinal);
        Tool.Shell($"mkfs.xfs -q -f -l logdev='{other}',size=100m '{image}'");
        Assert.Contains("another device", Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AVolumeOf16TiBIsReadInSeconds()
    {
        Tool.Require("mkfs.xfs", "xfs_db");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", (16L << 40) - MiB);
        Tool.Shell($"mkfs.xfs -q -K '{image}'");
        UsedRangeMap map = VolumeProof.ReadWithinBounds(image);
        AssertFreeLikeXfsDb(image, map);
    }

    private static bool MissesWithoutLog(string image, List<ByteRange> extents)
    {
        using var volume = new ImageFileReader(image);
        var builder = new UsedRangeBuilder(volume.LengthBytes, 512);
        XfsSuperblock superblock = XfsSuperblock.Read(volume, verifiesChecksums: true);
        var freeSpace = new XfsFreeSpace(volume, superblock, builder, default);
        try
        {
            for (int group = 0; group < superblock.GroupCount; group++)
                freeSpace.ReadGroup(group);
        }
        catch (FileSystemFormatException)
        {
            return true;
        }
        return UsedRangeProof.MissingBytes(extents, builder.Build()) > 0;
    }

    private static UsedRangeMap CompareWithPeers(TestFolder folder, string image)
    {
        UsedRangeMap map = UsedRangeProof.Read(image);
        AssertFreeLikeXfsDb(image, map);
        FileSystemDescription description = VolumeProof.DescribedAsByBlkid(image);
        // Ours alone: the AG free lists, which it drops, and the tail behind the file system.
        Assert.InRange(VolumeProof.BytesBeyondPartclone(folder, image, "partclone.xfs", map), 0, new FileInfo(image).Length - description.SizeBytes!.Value + MiB);
        return map;
    }

    private static void AssertFreeLikeXfsDb(string image, UsedRangeMap map)
    {
        string report = Tool.Run("xfs_db", "-r", "-c", "freesp -s", "-c", "sb 0", "-c", "p blocksize", image);
        long freeBlocks = long.Parse(Regex.Match(report, @"total free blocks (\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
        long blockSize = long.Parse(Regex.Match(report, @"blocksize = (\d+)").Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(new FileInfo(image).Length - map.UsedBytes, freeBlocks * blockSize - 200 * blockSize, freeBlocks * blockSize);
    }

    private static void AssertSurvivesNoise(TestFolder folder, string image, UsedRangeMap map, int sectorSize = 512) =>
        VolumeProof.SurvivesNoise(folder, image, "xfs", map, Check, sectorSize);

    private static void Check(string image) => Tool.Run("xfs_repair", "-n", image);

    private static byte[] RandomBytes(int length)
    {
        var bytes = new byte[length];
        new Random(5).NextBytes(bytes);
        return bytes;
    }
}
