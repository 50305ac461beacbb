using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Interop.FileSystems.Ntfs;
using ImageBackup.Tests.Interop.Volumes;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Interop.Devices;

/// <summary>Used blocks only: what comes back onto a device full of noise, and what of the noise stays.</summary>
public sealed class UsedBlockTests : IDisposable
{
    private const int NoiseBytes = 1 << 20;

    private static readonly byte[] s_noise = SeededBytes.Make(4711, NoiseBytes);

    private VolumeRig? _rig;

    public void Dispose() => _rig?.Dispose();

    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    [InlineData("ntfs")]
    public void Used_blocks_come_back_and_the_rest_is_as_asked(string name)
    {
        FileSystemKind kind = FileSystemKind.Get(name);
        Tool.RequireRoot([.. kind.Needs, "umount", "blockdev"]);
        _rig = new VolumeRig();
        long sizeBytes = (long)kind.SizeMiB << 20;
        (string device, Dictionary<string, string> files) = _rig.Volume(kind, 512);
        string target = _rig.Noise("target.img", 512, sizeBytes);
        ForbidDiscard(target);

        var usedBytes = new List<long>();
        foreach (long gap in new[] { 0, BackupRequest.DefaultGapSizeBytes, 1L << 30 })
        {
            ImageBackupInfo image = _rig.Backup(device, gap);
            Assert.Equal(gap == 0 ? null : name, image.UsedMapSource);
            Assert.Empty(image.Warnings);
            usedBytes.Add(image.UsedBytes!.Value);
            MakeNoise(target, sizeBytes);
            _rig.Restore(image.Id, target, r => r with { VerifyTarget = true });
            AssertUnused(image, target, isNoise: true);
            _rig.AssertHolds(kind, target, files);
        }
        Assert.Equal(sizeBytes, usedBytes[0]);
        Assert.True(usedBytes[1] < usedBytes[2] && usedBytes[2] <= usedBytes[0], string.Join(", ", usedBytes));

        ImageBackupInfo used = _rig.Backup(device);
        MakeNoise(target, sizeBytes);
        Assert.True(_rig.Restore(used.Id, target, r => r with { SkipUnchanged = true }).WrittenBytes > 0);
        AssertUnused(used, target, isNoise: true);
        _rig.AssertHolds(kind, target, files);
        // Mounting wrote to it, read-only or not (xfs clears its log): the first run mends that, the second finds nothing.
        _rig.Restore(used.Id, target, r => r with { SkipUnchanged = true });
        RestoreResult again = _rig.Restore(used.Id, target, r => r with { SkipUnchanged = true });
        Assert.Equal((0L, used.UsedBytes), (again.WrittenBytes, again.SkippedBytes));

        MakeNoise(target, sizeBytes);
        _rig.Restore(used.Id, target, r => r with { ZeroUnused = true });
        AssertUnused(used, target, isNoise: false);
        _rig.AssertHolds(kind, target, files);

        MakeNoise(target, sizeBytes);
        _rig.Restore(used.Id, target, r => r with { SkipUnchanged = true, ZeroUnused = true });
        AssertUnused(used, target, isNoise: false);
        _rig.AssertHolds(kind, target, files);
    }

    [Theory]
    [InlineData("ext4")]
    [InlineData("xfs")]
    public void A_quiesced_volume_comes_back_by_its_journal(string name)
    {
        FileSystemKind kind = FileSystemKind.Get(name);
        Tool.RequireRoot([.. kind.Needs]);
        _rig = new VolumeRig();
        long sizeBytes = (long)kind.SizeMiB << 20;
        (string device, Dictionary<string, string> files) = _rig.Volume(kind, 512);
        string point = _rig.Mount(kind, device);
        // Not on the device yet, some of it not even given a place: the flush must do that before the map is read.
        for (int i = 0; i < 20; i++)
        {
            byte[] content = SeededBytes.Make(1000 + i, 100_000 + i);
            File.WriteAllBytes(Path.Combine(point, $"late{i}"), content);
            files[$"late{i}"] = BlobId.Of(content).ToString();
        }
        File.Delete(Path.Combine(point, "random"));
        files.Remove("random");
        ImageBackupInfo image = _rig.Backup(point, type: ImageType.Dynamic);
        VolumeRig.Unmount(point);
        Assert.Equal((ImageType.Dynamic, true, name, (bool?)false), (image.ImageType, image.IsFuzzy, image.UsedMapSource, image.IsClean));
        Assert.Contains("came into use after its map was read", Assert.Single(image.Warnings), StringComparison.Ordinal);
        Assert.True(image.UsedBytes < image.SizeBytes * 3 / 4);

        string target = _rig.Noise("target.img", 512, sizeBytes);
        ForbidDiscard(target);
        _rig.Restore(image.Id, target);
        VolumeRig.Unmount(_rig.Mount(kind, target)); // Replays the journal.
        _rig.AssertHolds(kind, target, files);
    }

    [Theory]
    [InlineData("superblock")]
    [InlineData("bitmap")]
    public void A_damaged_ext4_is_stored_whole(string what)
    {
        FileSystemKind kind = FileSystemKind.Get("ext4");
        Tool.RequireRoot([.. kind.Needs, "dumpe2fs"]);
        _rig = new VolumeRig();
        (string device, _) = _rig.Volume(kind, 512);
        if (what == "superblock")
        {
            Flip(device, 1024 + 0x258);
        }
        else
        {
            string[] lines = Tool.Run("dumpe2fs", device).Split('\n');
            long blockSize = long.Parse(lines.First(l => l.StartsWith("Block size:", StringComparison.Ordinal)).Split(':')[1]);
            string bitmap = lines.First(l => l.Contains("Block bitmap at ", StringComparison.Ordinal));
            Flip(device, blockSize * long.Parse(bitmap.Split("Block bitmap at ")[1].Split(' ', ',')[0]) + 100);
        }
        ImageBackupInfo image = _rig.Backup(device);
        Assert.Equal(("ext4", null, image.SizeBytes), (image.FileSystem, image.UsedMapSource, image.UsedBytes));
        string warning = Assert.Single(image.Warnings);
        Assert.Contains("stored whole", warning, StringComparison.Ordinal);
        Assert.Contains(what, warning, StringComparison.Ordinal);
        string target = _rig.Noise("target.img", 512, (long)kind.SizeMiB << 20);
        _rig.Restore(image.Id, target);
        Tool.Run("cmp", device, target);
    }

    [Fact]
    public void Of_a_swap_area_only_the_header_comes_back()
    {
        Tool.RequireRoot("mkswap", "swaplabel");
        _rig = new VolumeRig();
        string device = _rig.Noise("swap.img", 512, 32 << 20);
        Tool.Run("mkswap", "-L", "spill", device);
        ImageBackupInfo image = _rig.Backup(device);
        Assert.Equal(("swap", "swap", "spill", 4096L), (image.FileSystem, image.UsedMapSource, image.Label, image.UsedBytes));
        Assert.Empty(image.Warnings);
        string target = _rig.Path("target.img");
        _rig.Restore(image.Id, target);
        Assert.Equal(Tool.Run("swaplabel", device), Tool.Run("swaplabel", target));
        Tool.Run("cmp", "-n", "4096", device, target);
    }

    [Fact]
    public void Paging_files_are_left_out_of_an_ntfs_volume_and_listed()
    {
        Tool.RequireRoot("ntfsfix");
        using ImageFile volume = NtfsOmittedTests.Create();
        _rig = new VolumeRig();
        SortedDictionary<string, string> before = NtfsImages.Hash(volume);
        ImageBackupInfo image = _rig.Backup(volume.Path);
        ImageBackupInfo kept = new BackupJob(_rig.Repository, _rig.Volumes).Run(
            new BackupRequest { Volume = _rig.Volumes.Find(volume.Path), IncludePageFile = true }, null, CancellationToken.None);
        Assert.Empty(kept.Omitted);
        Assert.Contains(image.Omitted, f => f.Path == "pagefile.sys" && f.SizeBytes >= 2_900_000);
        Assert.True(kept.UsedBytes - image.UsedBytes >= image.Omitted.Sum(f => f.SizeBytes));

        // Everything but them is as it was, and the file system is sound.
        using ImageFile target = volume.Copy();
        foreach ((ImageBackupInfo taken, string[] missing) in new[] { (image, image.Omitted.Select(f => f.Path.Replace('\\', '/')).ToArray()), (kept, []) })
        {
            MakeNoise(target.Path, target.LengthBytes);
            string loop = _rig.Loop(target.Path, 512);
            ForbidDiscard(loop);
            _rig.Restore(taken.Id, loop);
            Tool.Run("ntfsfix", "-n", loop);
            Tool.Run("losetup", "-d", loop);
            SortedDictionary<string, string> after = NtfsImages.Hash(target);
            Assert.Equal(before.Keys, after.Keys);
            Assert.Equal(missing.Order(StringComparer.Ordinal), before.Keys.Where(p => before[p] != after[p]).Order(StringComparer.Ordinal));
        }
    }

    /// <summary>So that unused blocks can only be left alone. Nothing can undo it on the device, so it is renewed.</summary>
    private void ForbidDiscard(string loop)
    {
        _rig!.Undo(() =>
        {
            Tool.TryRun("losetup", "-d", loop);
            LoopControl.Renew(loop);
        });
        File.WriteAllText($"/sys/block/{Path.GetFileName(loop)}/queue/discard_max_bytes", "0");
    }

    private static void MakeNoise(string path, long sizeBytes)
    {
        using FileStream stream = File.OpenWrite(path);
        for (long offset = 0; offset < sizeBytes; offset += NoiseBytes)
            stream.Write(s_noise, 0, (int)Math.Min(NoiseBytes, sizeBytes - offset));
        stream.Flush(flushToDisk: true);
    }

    private static void Flip(string device, long offset)
    {
        using (FileStream stream = File.Open(device, FileMode.Open, FileAccess.ReadWrite))
        {
            stream.Position = offset;
            int value = stream.ReadByte();
            stream.Position = offset;
            stream.WriteByte((byte)(value ^ 0x10));
            stream.Flush(flushToDisk: true);
        }
    }

    /// <summary>Every byte that the image does not use.</summary>
    private void AssertUnused(ImageBackupInfo image, string target, bool isNoise)
    {
        UsedRanges used = ImageContent.Load(_rig!.Repository, image.Id, _rig.Repository.LoadIndex(CancellationToken.None), CancellationToken.None).Used;
        using FileStream stream = File.OpenRead(target);
        byte[] found = new byte[NoiseBytes], zeros = new byte[NoiseBytes];
        long checkedBytes = 0;
        for (long offset = 0; offset < image.SizeBytes; offset += NoiseBytes)
        {
            stream.ReadExactly(found);
            foreach (ByteRange unused in RangeSubtraction.Subtract([new ByteRange(offset, NoiseBytes)], used.Ranges))
            {
                int at = (int)(unused.OffsetBytes - offset), length = (int)unused.LengthBytes;
                Assert.True(found.AsSpan(at, length).SequenceEqual((isNoise ? s_noise : zeros).AsSpan(at, length)), $"at {unused.OffsetBytes}");
                checkedBytes += length;
            }
        }
        Assert.Equal(image.SizeBytes - used.UsedBytes, checkedBytes);
    }
}
