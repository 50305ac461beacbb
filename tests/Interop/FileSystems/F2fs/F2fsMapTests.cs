using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.F2fs;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.F2fs;

/// <summary>Maps of real F2FS volumes (mkfs.f2fs, sload.f2fs: no driver here) against partclone and fsck.</summary>
public sealed class F2fsMapTests
{
    [Theory]
    [InlineData(100)]
    [InlineData(611, "-s", "2")]
    [InlineData(3000, "-O", "extra_attr,inode_checksum,sb_checksum,compression")]
    public void AFilledVolume(int sizeMiB, params string[] options)
    {
        using ImageFile image = Create(sizeMiB, options);
        using var work = new TestFolder();
        Fill(image, work, "first", 6 << 20);
        Fill(image, work, "second", 3 << 20);
        UsedRangeMap map = ProveMap(image);
        FileSystemDescription description = FileSystemCatalog.Probe(image)!.Value.Description;
        Assert.Equal(("f2fs", "Seed", true), (description.Type, description.Label, description.IsClean));
        Assert.Equal(Tool.Run("blkid", "-p", "-o", "value", "-s", "UUID", image.Path).Trim(), description.Uuid);
        F2fsSuperblock superblock = F2fsSuperblock.TryRead(image)!;
        long mainEnd = (superblock.MainBlock + superblock.MainSegmentCount * 512L) * 4096;
        Assert.Equal(description.UsedBytes + image.LengthBytes - mainEnd, map.UsedBytes);
        FilesAreUnharmed(image, map, work);
    }

    /// <summary>Fresh from mkfs, the segments in use are told by the checkpoint's journal only.</summary>
    [Theory]
    [InlineData(64)]
    [InlineData(1500)]
    public void AnEmptyVolume(int sizeMiB)
    {
        using ImageFile image = Create(sizeMiB);
        ProveMap(image);
    }

    [Fact]
    public void AGrownVolume()
    {
        Tool.Require("resize.f2fs");
        using ImageFile image = Create(200);
        using var work = new TestFolder();
        Fill(image, work, "first", 6 << 20);
        image.SetLength(400 << 20);
        Tool.Run("resize.f2fs", image.Path);
        ProveMap(image);
    }

    [Fact]
    public void NodesWrittenSinceTheCheckpointMakeItWholeUnlessFlushed()
    {
        using ImageFile image = Create(100);
        UsedRangeMap clean = Read(image);
        F2fsSuperblock superblock = F2fsSuperblock.TryRead(image)!;
        F2fsCheckpoint checkpoint = F2fsCheckpoint.Read(image, superblock, verifiesChecksums: true);
        // The footer of a node that fsync wrote behind the log's end.
        image.Write(checkpoint.NextNodeBlock!.Value * 4096 + 4084, BitConverter.GetBytes(checkpoint.Version));
        Assert.Throws<FileSystemFormatException>(() => Read(image));
        Assert.False(new F2fsReader().Probe(image)!.IsClean);
        Assert.Equal(clean.Ranges, new F2fsReader().ReadUsedRanges(image, isFlushed: true, CancellationToken.None).Ranges);
    }

    [Fact]
    public void ADamagedCheckpointIsPassedOverAndTwoAreRefused()
    {
        using ImageFile image = Create(100);
        F2fsSuperblock superblock = F2fsSuperblock.TryRead(image)!;
        List<ByteRange> before = Read(image).Ranges.ToList();
        long first = superblock.CheckpointBlock * 4096L;
        // mkfs writes the second pack with an older version.
        image.Write(first + (512 * 4096) + 300, [0x5A]);
        Assert.Equal(before, Read(image).Ranges);
        image.Write(first + 300, [0x5A]);
        Assert.Throws<FileSystemFormatException>(() => Read(image));
        image.Write(1024, new byte[4]);
        image.Write(4096 + 1024, new byte[4]);
        Assert.Null(new F2fsReader().Probe(image));
    }

    private static UsedRangeMap ProveMap(ImageFile image)
    {
        UsedRangeMap map = Read(image);
        MapCheck.IsWellFormed(map, image.LengthBytes);
        if (Tool.Find("partclone.f2fs") is not null)
        {
            List<ByteRange> theirs = MapCheck.PartcloneRanges("partclone.f2fs", image);
            Assert.Empty(MapCheck.Subtract(theirs, map.Ranges));
        }
        using ImageFile copy = image.Copy();
        MapCheck.OverwriteFree(copy, map);
        string report = Tool.Run("fsck.f2fs", "--dry-run", copy.Path);
        Assert.DoesNotContain("[Fail]", report, StringComparison.Ordinal);
        return map;
    }

    // The contents behind the first inodes, taken out by dump.f2fs from a copy with noise in its free space.
    private static void FilesAreUnharmed(ImageFile image, UsedRangeMap map, TestFolder work)
    {
        using ImageFile copy = image.Copy();
        MapCheck.OverwriteFree(copy, map);
        HashSet<string> known = [.. FileTree.Hash(work.Path).Values];
        string target = Directory.CreateDirectory(work.File("out")).FullName;
        for (int inode = 4; inode < 60; inode++)
            Tool.TryRun("bash", "-c", $"cd '{target}' && yes y | dump.f2fs -i {inode:x} '{copy.Path}'");
        SortedDictionary<string, string> found = FileTree.Hash(target);
        Assert.True(found.Count > 20, $"dump.f2fs gave {found.Count} files");
        Assert.All(found, file => Assert.Contains(file.Value, known));
    }

    private static void Fill(ImageFile image, TestFolder work, string name, int bytes)
    {
        string source = Directory.CreateDirectory(work.File(name)).FullName;
        var random = new Random(bytes);
        for (int written = 0, i = 0; written < bytes; i++)
        {
            var content = new byte[random.Next(5000, 200_000)];
            random.NextBytes(content);
            File.WriteAllBytes(Path.Combine(source, $"{name}{i}"), content);
            written += content.Length;
        }
        Tool.Run("sload.f2fs", "-f", source, "-t", "/" + name, image.Path);
    }

    private static UsedRangeMap Read(ImageFile image) => new F2fsReader().ReadUsedRanges(image, CancellationToken.None);

    private static ImageFile Create(int sizeMiB, params string[] options)
    {
        Tool.Require("mkfs.f2fs", "sload.f2fs", "fsck.f2fs", "dump.f2fs");
        ImageFile image = ImageFile.Create((long)sizeMiB << 20);
        try
        {
            Tool.Run("mkfs.f2fs", ["-f", "-l", "Seed", .. options, image.Path]);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }
}
