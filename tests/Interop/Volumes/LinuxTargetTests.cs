using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes;
using Xunit;

namespace ImageBackup.Tests.Interop.Volumes;

public class LinuxTargetTests
{
    private static IVolumeSystem System => VolumeSystem.Current;

    [Theory]
    [InlineData(512, (1 << 20) + 512)]
    [InlineData(4096, (3 << 20) + 4096)]
    public void Writing_zeroing_and_discarding_change_exactly_their_ranges(int sectorBytes, int deviceBytes)
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        byte[] expected = LinuxReadTests.Noise(deviceBytes);
        File.WriteAllBytes(rig.Path("disk"), expected);
        string loop = rig.Loop(rig.Path("disk"), "-b", $"{sectorBytes}");
        using (IBlockWriter target = System.OpenTarget(System.Find(loop)))
        {
            Assert.Equal(deviceBytes, target.LengthBytes);
            byte[] news = LinuxReadTests.Noise(100_001, seed: 8);
            foreach (int offset in new[] { 0, 333_333, deviceBytes - news.Length })
            {
                target.WriteAt(offset, news);
                news.CopyTo(expected, offset);
            }
            foreach ((int offset, int count) in new[] { (5000, 200_003), (deviceBytes - 9000, 9000), (700_000, 0), (700_001, 10) })
            {
                target.ZeroRange(new ByteRange(offset, count));
                expected.AsSpan(offset, count).Clear();
            }
            byte[] actual = new byte[deviceBytes];
            Assert.Equal(deviceBytes, target.ReadAt(0, actual));
            Assert.True(expected.AsSpan().SequenceEqual(actual));
            // What was discarded is undefined; what lies beside it is not.
            var discarded = new ByteRange(500_000, 50_000);
            Assert.True(target.TryDiscard(discarded));
            target.Flush();
            Assert.Throws<ArgumentOutOfRangeException>(() => target.WriteAt(deviceBytes - 1, new byte[2]));
            Assert.Throws<ArgumentOutOfRangeException>(() => target.ZeroRange(new ByteRange(-1, 2)));
        }
        byte[] onDisk = File.ReadAllBytes(rig.Path("disk"));
        Assert.True(expected.AsSpan(0, 500_000).SequenceEqual(onDisk.AsSpan(0, 500_000)));
        Assert.True(expected.AsSpan(550_000).SequenceEqual(onDisk.AsSpan(550_000)));
    }

    [Fact]
    public void A_mounted_target_is_refused_and_not_touched()
    {
        Tool.RequireRoot("mkfs.ext4");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 16 << 20));
        Tool.Run("mkfs.ext4", "-q", loop);
        string point = rig.Mount("mnt", loop);
        ImageBackupException e = Refused(loop);
        Assert.Equal(ErrorId.TargetMounted, e.Id);
        Assert.Contains(point, e.Message, StringComparison.Ordinal);
        // Mounted and the file it lies in named instead.
        Assert.Equal(ErrorId.TargetMounted, Refused(rig.Path("disk")).Id);
    }

    [Fact]
    public void A_disk_with_a_mounted_partition_is_refused_and_so_is_the_partition_but_not_its_neighbour()
    {
        Tool.RequireRoot("mkfs.ext4", "addpart");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 64 << 20), "-P");
        string first = rig.Partition(loop, 1, 2048, 32768);
        string second = rig.Partition(loop, 2, 65536, 32768);
        Tool.Run("mkfs.ext4", "-q", first);
        rig.Mount("mnt", first);
        ImageBackupException disk = Refused(loop);
        Assert.Equal(ErrorId.TargetMounted, disk.Id);
        Assert.Contains(first, disk.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorId.TargetMounted, Refused(first).Id);
        Assert.Equal(ErrorId.VolumeInUse,
            Assert.Throws<ImageBackupException>(() => System.OpenRead(System.Find(loop), VolumeOpenMode.Exclusive)).Id);
        using IBlockWriter neighbour = System.OpenTarget(System.Find(second));
        Assert.Equal(32768L * 512, neighbour.LengthBytes);
        // And while it is a target, the whole disk is held.
        Tool.Run("umount", rig.Path("mnt"));
        Assert.Equal(ErrorId.TargetInUse, Refused(loop).Id);
    }

    [Fact]
    public void A_held_target_is_refused()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 1 << 20));
        using (System.OpenRead(System.Find(loop), VolumeOpenMode.Exclusive))
            Assert.Equal(ErrorId.TargetInUse, Refused(loop).Id);
        string upper = rig.Loop(loop);
        ImageBackupException e = Refused(loop);
        Assert.Equal(ErrorId.TargetInUse, e.Id);
        Assert.Contains(upper, e.Message, StringComparison.Ordinal);
        // The file that the device lies in is held as well.
        Assert.Equal(ErrorId.TargetInUse, Refused(rig.Path("disk")).Id);
    }

    [Fact]
    public void Active_swap_is_the_system_s()
    {
        Tool.RequireRoot("mkswap", "swapon");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 4 << 20));
        Tool.Run("mkswap", loop);
        (int code, string output) = Tool.TryRun("swapon", loop);
        Assert.SkipUnless(code == 0, $"This kernel takes no swap on a loop device: {output}");
        rig.Undo(() => Tool.TryRun("swapoff", loop));
        VolumeDescription volume = System.Find(loop);
        Assert.True(volume.IsSystem);
        Assert.Equal(["swap"], volume.Holders);
        Assert.Equal(ErrorId.TargetIsSystem, Refused(loop).Id);
    }

    [Fact]
    public void The_device_under_root_is_the_system_s_and_refused()
    {
        Tool.RequireRoot();
        string? root = System.VolumesUnder("/").FirstOrDefault(name => name.StartsWith("/dev/", StringComparison.Ordinal));
        Assert.SkipWhen(root is null, "Root has no block device here.");
        VolumeDescription volume = System.Find(root!);
        Assert.True(volume.IsSystem);
        Assert.Equal(ErrorId.TargetIsSystem, Refused(root!).Id);
        Assert.Contains(System.List(), listed => listed.Name == root && listed.IsSystem);
    }

    [Fact]
    public void A_read_only_device_is_refused_though_the_kernel_would_open_it()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 1 << 20), "-r");
        Assert.True(System.Find(loop).IsReadOnly);
        ImageBackupException e = Refused(loop);
        Assert.Equal(ErrorId.VolumeAccessDenied, e.Id);
        Assert.Contains("read-only", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_opened_target_cannot_be_mounted()
    {
        Tool.RequireRoot("mkfs.ext4");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 16 << 20));
        Tool.Run("mkfs.ext4", "-q", loop);
        string point = Directory.CreateDirectory(rig.Path("mnt")).FullName;
        using (System.OpenTarget(System.Find(loop)))
            Assert.NotEqual(0, Tool.TryRun("mount", loop, point).Code);
        rig.Mount("mnt", loop);
    }

    [Fact]
    public void A_writer_that_failed_once_writes_no_more()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        string file = rig.File("disk", 4 << 20);
        string loop = rig.Loop(file);
        using IBlockWriter target = System.OpenTarget(System.Find(loop));
        target.WriteAt(0, new byte[4096]);
        using (FileStream stream = File.OpenWrite(file))
            stream.SetLength(1 << 20);
        Tool.Run("losetup", "-c", loop);
        var first = Assert.Throws<BlockWriteException>(() => target.WriteAt(2 << 20, new byte[4096]));
        Assert.Equal(2 << 20, first.OffsetBytes);
        var second = Assert.Throws<BlockWriteException>(() => target.WriteAt(0, new byte[4096]));
        Assert.Same(first, second.InnerException);
        Assert.Throws<BlockWriteException>(() => target.ZeroRange(new ByteRange(0, 4096)));
        Assert.Throws<BlockWriteException>(target.Flush);
    }

    [Fact]
    public void A_write_that_fails_after_it_was_taken_comes_out_at_the_flush_and_sticks()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        string point = rig.Mount("small", "-t", "tmpfs", "-o", "size=1m", "tmpfs");
        string file = Path.Combine(point, "disk");
        using (FileStream stream = File.Create(file))
            stream.SetLength(64 << 20);
        using IBlockWriter target = System.OpenTarget(System.Find(rig.Loop(file)));
        target.WriteAt(0, LinuxReadTests.Noise(8 << 20));
        var e = Assert.Throws<BlockWriteException>(target.Flush);
        Assert.Equal(target.LengthBytes, e.LengthBytes);
        Assert.Throws<BlockWriteException>(target.Flush);
        Assert.Throws<BlockWriteException>(() => target.WriteAt(0, new byte[1]));
    }

    private static ImageBackupException Refused(string name) =>
        Assert.Throws<ImageBackupException>(() => System.OpenTarget(System.Find(name)).Dispose());
}
