using System;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Volumes;
using Xunit;

namespace ImageBackup.Tests.Interop.Volumes;

public class LinuxInventoryTests
{
    private static IVolumeSystem System => VolumeSystem.Current;

    [Fact]
    public void A_path_s_volumes_are_told_through_the_whole_stack()
    {
        Tool.RequireRoot("mkfs.ext4", "addpart");
        using var rig = new Rig();
        string outer = rig.Loop(rig.File("outer", 96 << 20), "-P");
        string part = rig.Partition(outer, 1, 2048, 163840);
        Tool.Run("mkfs.ext4", "-q", part);
        string outerMount = rig.Mount("outer-mnt", part);
        string innerFile = Path.Combine(outerMount, "inner");
        using (FileStream stream = File.Create(innerFile))
            stream.SetLength(16 << 20);
        string inner = rig.Loop(innerFile);
        Tool.Run("mkfs.ext4", "-q", inner);
        string innerMount = rig.Mount("inner-mnt", inner);

        string[] below = [.. System.VolumesUnder(Path.Combine(innerMount, "not", "there", "yet"))];
        Assert.Equal([inner, innerFile, part, outer, rig.Path("outer")], below.Take(5));
        Assert.Equal([.. System.VolumesUnder(rig.Directory)], below.Skip(5));
        Assert.Equal(below.Skip(2), System.VolumesUnder(outerMount));
        Assert.DoesNotContain(inner, System.VolumesUnder(rig.Directory));
        Assert.Empty(System.VolumesUnder("/proc"));
    }

    [Fact]
    public void A_path_on_btrfs_has_the_device_though_btrfs_hides_it()
    {
        Tool.RequireRoot("mkfs.btrfs");
        using var rig = new Rig();
        string one = rig.Loop(rig.File("one", 160 << 20));
        string two = rig.Loop(rig.File("two", 160 << 20));
        Tool.Run("mkfs.btrfs", "-q", "-d", "single", "-m", "raid1", one, two);
        Tool.TryRun("btrfs", "device", "scan", one, two);
        string point = rig.Mount("mnt", "-t", "btrfs", "-o", $"device={one},device={two}", one);
        string below = Directory.CreateDirectory(Path.Combine(point, "repository")).FullName;
        string[] under = [.. System.VolumesUnder(below)];
        Assert.Contains(one, under);
        Assert.Contains(two, under);
        foreach (string device in new[] { one, two })
        {
            VolumeDescription volume = System.Find(device);
            Assert.Equal([point], volume.MountPoints);
            Assert.Equal("btrfs", volume.MountedFileSystem);
            Assert.Equal(ErrorId.TargetMounted, Assert.Throws<ImageBackupException>(() => System.OpenTarget(volume)).Id);
        }
    }

    [Fact]
    public void An_overlay_s_file_lies_on_the_devices_below_it()
    {
        Tool.RequireRoot("mkfs.ext4");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 16 << 20));
        Tool.Run("mkfs.ext4", "-q", loop);
        string point = rig.Mount("mnt", loop);
        foreach (string name in new[] { "lower", "upper", "work" })
            Directory.CreateDirectory(Path.Combine(point, name));
        string overlay = Directory.CreateDirectory(rig.Path("overlay")).FullName;
        (int code, string output) = Tool.TryRun("mount", "-t", "overlay", "overlay", "-o",
            $"lowerdir={point}/lower,upperdir={point}/upper,workdir={point}/work", overlay);
        Assert.SkipUnless(code == 0, $"This kernel mounts no overlay: {output}");
        rig.Undo(() => Tool.TryRun("umount", overlay));
        Assert.Contains(loop, System.VolumesUnder(overlay));
        Assert.Equal([point], System.Find(loop).MountPoints);
    }

    [Fact]
    public void Partitions_carry_the_ids_of_their_table()
    {
        Tool.RequireRoot("addpart");
        using var rig = new Rig();
        string file = rig.File("disk", 8 << 20);
        byte[] mbr = new byte[512];
        BitConverter.TryWriteBytes(mbr.AsSpan(440), 0xCAFE1234);
        mbr[446 + 4] = 0x83;
        BitConverter.TryWriteBytes(mbr.AsSpan(446 + 8), 2048);
        BitConverter.TryWriteBytes(mbr.AsSpan(446 + 12), 4096);
        mbr[510] = 0x55;
        mbr[511] = 0xAA;
        using (FileStream stream = File.OpenWrite(file))
            stream.Write(mbr);
        string loop = rig.Loop(file, "-P");
        string part = File.Exists($"{loop}p1") ? $"{loop}p1" : rig.Partition(loop, 1, 2048, 4096);
        VolumeDescription volume = System.List().Single(listed => listed.Name == part);
        Assert.Equal("cafe1234-01", volume.PartitionUuid);
        Assert.Equal("0x83", volume.PartitionType);
        Assert.Equal(4096 * 512, volume.SizeBytes);
        Assert.Equal(part, new VolumeInventory(System).Resolve("PARTUUID=CAFE1234-01", CancellationToken.None).Name);
        Assert.Equal(part, System.Find(Path.GetFileName(part)).Name);
    }

    /// <summary>The kernel shows two sectors of an extended partition: an image of them would be none of anything.</summary>
    [Fact]
    public void An_extended_partitions_container_is_not_offered()
    {
        Tool.RequireRoot("addpart");
        using var rig = new Rig();
        string file = rig.File("disk", 8 << 20);
        byte[] mbr = new byte[512];
        BitConverter.TryWriteBytes(mbr.AsSpan(440), 0xCAFE4321);
        mbr[446 + 4] = 0x05;
        BitConverter.TryWriteBytes(mbr.AsSpan(446 + 8), 2048);
        BitConverter.TryWriteBytes(mbr.AsSpan(446 + 12), 8192);
        mbr[510] = 0x55;
        mbr[511] = 0xAA;
        using (FileStream stream = File.OpenWrite(file))
            stream.Write(mbr);
        string loop = rig.Loop(file, "-P");
        string part = File.Exists($"{loop}p1") ? $"{loop}p1" : rig.Partition(loop, 1, 2048, 2);
        Assert.DoesNotContain(System.List(), listed => listed.Name == part);
        ImageBackupException refused = Assert.Throws<ImageBackupException>(() => System.Find(part));
        Assert.Equal(ErrorId.VolumeNotFound, refused.Id);
        Assert.Contains("extended partition", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Real_volumes_are_listed_with_what_a_probe_finds_and_resolved_by_it()
    {
        Tool.RequireRoot("mkfs.ext4");
        using var rig = new Rig();
        string label = "ib" + Guid.NewGuid().ToString("N")[..10];
        string uuid = Guid.NewGuid().ToString();
        string loop = rig.Loop(rig.File("disk", 16 << 20));
        Tool.Run("mkfs.ext4", "-q", "-L", label, "-U", uuid, loop);
        var inventory = new VolumeInventory(System, ProbeExt);
        Assert.Contains(inventory.List(CancellationToken.None), volume => volume.Name == loop && volume.Label == label);
        Assert.Equal(loop, inventory.Resolve("LABEL=" + label, CancellationToken.None).Name);
        ImageVolume byUuid = inventory.Resolve("uuid=" + uuid.ToUpperInvariant(), CancellationToken.None);
        Assert.Equal((loop, "ext4", null), (byUuid.Name, byUuid.FileSystem, byUuid.ImageType));

        // The same file system seen again on a copy: nobody can tell which was meant.
        File.Copy(rig.Path("disk"), rig.Path("copy"));
        string copy = rig.Loop(rig.Path("copy"));
        var e = Assert.Throws<ImageBackupException>(() => inventory.Resolve("UUID=" + uuid, CancellationToken.None));
        Assert.Equal(ErrorId.VolumeAmbiguous, e.Id);
        Assert.Contains(loop, e.Message, StringComparison.Ordinal);
        Assert.Contains(copy, e.Message, StringComparison.Ordinal);
    }

    /// <summary>Just label and UUID of an ext superblock; the engine's own readers are tested elsewhere.</summary>
    private static FileSystemDescription? ProbeExt(IBlockReader volume)
    {
        byte[] super = new byte[1024];
        if (volume.ReadAt(1024, super) < 1024 || super[56] != 0x53 || super[57] != 0xEF)
            return null;
        return new FileSystemDescription
        {
            Type = "ext4",
            Uuid = new Guid(super.AsSpan(104, 16), bigEndian: true).ToString(),
            Label = Encoding.ASCII.GetString(super, 120, 16).TrimEnd('\0'),
        };
    }
}
