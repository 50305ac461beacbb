using System;
using System.IO;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes;
using Xunit;

namespace ImageBackup.Tests.Interop.Volumes;

public class LinuxReadTests
{
    private static IVolumeSystem System => VolumeSystem.Current;

    [Theory]
    [InlineData(512, 1 << 20, 1 << 20)]
    [InlineData(512, (1 << 20) + 512 + 100, (1 << 20) + 512)]
    [InlineData(4096, (1 << 20) + 4096, (1 << 20) + 4096)]
    [InlineData(4096, (1 << 20) + 4096 + 512, (1 << 20) + 4096)]
    public void A_device_gives_its_bytes_at_any_offset_up_to_its_odd_end(int sectorBytes, int fileBytes, int deviceBytes)
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        byte[] content = Noise(fileBytes);
        File.WriteAllBytes(rig.Path("disk"), content);
        string loop = rig.Loop(rig.Path("disk"), "-b", $"{sectorBytes}");

        VolumeDescription volume = System.Find(loop);
        Assert.Equal(loop, volume.Name);
        Assert.Equal(VolumeKind.BlockDevice, volume.Kind);
        Assert.Equal(deviceBytes, volume.SizeBytes);
        Assert.Equal(sectorBytes, volume.SectorSizeBytes);
        Assert.Contains(rig.Path("disk"), volume.Aliases);
        Assert.False(volume.IsMounted);
        Assert.False(volume.IsSystem);

        using IBlockReader reader = System.OpenRead(volume, VolumeOpenMode.Exclusive);
        Assert.Equal(deviceBytes, reader.LengthBytes);
        Assert.Equal(sectorBytes, reader.SectorSizeBytes);
        Assert.Equal(deviceBytes, ((ILengthQuery)reader).QueryLengthBytes());
        byte[] whole = new byte[deviceBytes + 1000];
        Assert.Equal(deviceBytes, reader.ReadAt(0, whole));
        Assert.Equal(content.AsSpan(0, deviceBytes), whole.AsSpan(0, deviceBytes));
        foreach (int offset in new[] { 1, 511, 4095, deviceBytes - 777, deviceBytes - 1 })
        {
            byte[] part = new byte[1001];
            int count = reader.ReadAt(offset, part);
            Assert.Equal(Math.Min(1001, deviceBytes - offset), count);
            Assert.Equal(content.AsSpan(offset, count), part.AsSpan(0, count));
        }
        Assert.Equal(0, reader.ReadAt(deviceBytes, whole));
        Assert.Equal(0, reader.ReadAt(long.MaxValue, whole));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.ReadAt(-1, new byte[1]));
    }

    [Fact]
    public void Threads_may_read_at_once()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        byte[] content = Noise(4 << 20);
        File.WriteAllBytes(rig.Path("disk"), content);
        using IBlockReader reader = System.OpenRead(System.Find(rig.Loop(rig.Path("disk"))), VolumeOpenMode.Shared);
        Parallel.For(0, 64, i =>
        {
            byte[] part = new byte[65536 + i];
            int offset = (i * 65536) - (i > 0 ? i : 0);
            int count = reader.ReadAt(offset, part);
            Assert.True(content.AsSpan(offset, count).SequenceEqual(part.AsSpan(0, count)));
        });
    }

    [Fact]
    public void A_mounted_volume_opens_shared_but_not_exclusively()
    {
        Tool.RequireRoot("mkfs.ext4");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 16 << 20));
        Tool.Run("mkfs.ext4", "-q", loop);
        string point = rig.Mount("a mount\\point", loop);

        VolumeDescription volume = System.Find(point);
        Assert.Equal(loop, volume.Name);
        Assert.Equal([point], volume.MountPoints);
        Assert.Equal("ext4", volume.MountedFileSystem);
        Assert.Equal(loop, System.Find(point + "/").Name);
        using (IBlockReader reader = System.OpenRead(volume, VolumeOpenMode.Shared))
            Assert.Equal(16 << 20, reader.LengthBytes);
        var e = Assert.Throws<ImageBackupException>(() => System.OpenRead(volume, VolumeOpenMode.Exclusive));
        Assert.Equal(ErrorId.VolumeInUse, e.Id);
        Assert.Contains(point, e.Message, StringComparison.Ordinal);
        // A directory on it is not a volume's name.
        var directory = Assert.Throws<ImageBackupException>(() => System.Find(Path.Combine(point, "lost+found")));
        Assert.Equal(ErrorId.VolumeNotFound, directory.Id);
    }

    [Fact]
    public void What_a_mounted_file_system_wrote_since_the_last_reading_is_seen()
    {
        Tool.RequireRoot("mkfs.ext4");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 32 << 20));
        Tool.Run("mkfs.ext4", "-q", loop);
        string point = rig.Mount("mnt", loop);
        string file = Path.Combine(point, "data");
        File.WriteAllBytes(file, Enumerable.Repeat((byte)'A', 1 << 20).ToArray());
        VolumeDescription volume = System.Find(loop);
        byte[] before = ReadAll(volume);
        using (var stream = new FileStream(file, FileMode.Open, FileAccess.Write))
            stream.Write(Enumerable.Repeat((byte)'B', 1 << 20).ToArray());
        byte[] after = ReadAll(volume);
        Assert.True(Count(before, (byte)'A') >= 1 << 20);
        Assert.True(Count(after, (byte)'B') >= 1 << 20, "the reading is stale");
        Assert.True(Count(after, (byte)'A') < 1 << 19, "the reading is stale");
    }

    [Fact]
    public void What_a_mounted_partition_still_holds_in_memory_is_seen_on_the_disk_and_in_the_file_behind_it()
    {
        Tool.RequireRoot("mkfs.ext4", "addpart");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 64 << 20), "-P");
        string part = rig.Partition(loop, 1, 2048, 100_000);
        Tool.Run("mkfs.ext4", "-q", part);
        string point = rig.Mount("mnt", part);
        foreach ((string name, byte value) in new[] { (loop, (byte)'C'), (rig.Path("disk"), (byte)'D') })
        {
            VolumeDescription volume = System.Find(name);
            Assert.True(Count(ReadAll(volume), value) < 1 << 19);
            // A new file: ext4 hurries one that was cut to nothing onto the disk when it is closed.
            using (var stream = new FileStream(Path.Combine(point, "data" + (char)value), FileMode.CreateNew, FileAccess.Write))
                stream.Write(Enumerable.Repeat(value, 1 << 20).ToArray());
            Assert.True(Count(ReadAll(volume), value) >= 1 << 20, $"{name} is stale");
        }
    }

    [Fact]
    public void Who_is_not_root_is_told_so()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 1 << 20));
        string secret = rig.File("secret", 1000);
        Tool.Run("chmod", "0400", secret);
        string hidden = Directory.CreateDirectory(rig.Path("hidden")).FullName;
        File.WriteAllText(Path.Combine(hidden, "file"), "x");
        Tool.Run("chmod", "0700", hidden);
        Tool.Run("chmod", "0755", rig.Directory);
        AsNobody(() =>
        {
            VolumeDescription volume = System.Find(loop);
            Assert.Equal(1 << 20, volume.SizeBytes);
            Assert.Equal(ErrorId.NotElevated, Assert.Throws<ImageBackupException>(() => System.OpenRead(volume, VolumeOpenMode.Shared)).Id);
            Assert.Equal(ErrorId.NotElevated, Assert.Throws<ImageBackupException>(() => System.OpenTarget(volume)).Id);
            Assert.Equal(ErrorId.VolumeAccessDenied, Assert.Throws<ImageBackupException>(
                () => System.OpenRead(System.Find(secret), VolumeOpenMode.Shared)).Id);
            Assert.Equal(ErrorId.VolumeAccessDenied, Assert.Throws<ImageBackupException>(() => System.Find(Path.Combine(hidden, "file"))).Id);
            Assert.Equal(ErrorId.VolumeAccessDenied, Assert.Throws<ImageBackupException>(
                () => FileTarget.CreateNew(rig.Path("new"), 10, replaceExisting: false)).Id);
            Assert.Contains(System.List(), listed => listed.Name == loop);
        });
    }

    /// <summary>The system call itself changes the user of this thread alone; the C library's would change all.</summary>
    private static void AsNobody(Action action)
    {
        int setresuid = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => 117,
            Architecture.Arm64 => 147,
            _ => -1,
        };
        Assert.SkipWhen(setresuid < 0, "The number of setresuid is not known for this processor.");
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Assert.Equal(0, syscall(setresuid, -1, 65534, -1));
                action();
            }
            catch (Exception e)
            {
                failure = e;
            }
            finally
            {
                syscall(setresuid, -1, 0, -1);
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    [DllImport("libc")]
    private static extern nint syscall(nint number, nint real, nint effective, nint saved);

    [Fact]
    public void An_exclusively_opened_volume_cannot_be_mounted_and_again_can_after()
    {
        Tool.RequireRoot("mkfs.ext4");
        using var rig = new Rig();
        string loop = rig.Loop(rig.File("disk", 16 << 20));
        Tool.Run("mkfs.ext4", "-q", loop);
        string point = Directory.CreateDirectory(rig.Path("mnt")).FullName;
        using (System.OpenRead(System.Find(loop), VolumeOpenMode.Exclusive))
        {
            Assert.NotEqual(0, Tool.TryRun("mount", loop, point).Code);
            var e = Assert.Throws<ImageBackupException>(() => System.OpenRead(System.Find(loop), VolumeOpenMode.Exclusive));
            Assert.Equal(ErrorId.VolumeInUse, e.Id);
        }
        rig.Mount("mnt", loop);
    }

    [Fact]
    public void A_device_under_another_loop_device_is_in_use()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        string lower = rig.Loop(rig.File("disk", 1 << 20));
        string upper = rig.Loop(lower);
        VolumeDescription volume = System.Find(lower);
        Assert.Equal([upper], volume.Holders);
        var e = Assert.Throws<ImageBackupException>(() => System.OpenRead(volume, VolumeOpenMode.Exclusive));
        Assert.Equal(ErrorId.VolumeInUse, e.Id);
        Assert.Contains(upper, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_there_has_its_own_errors()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        foreach (string name in new[] { "/dev/nosuch", rig.Path("nosuch"), "", "nosuch", "\0", rig.Directory, "/proc", "/dev/null" })
            Assert.Equal(ErrorId.VolumeNotFound, Assert.Throws<ImageBackupException>(() => System.Find(name)).Id);

        string loop = rig.Loop(rig.File("disk", 1 << 20));
        VolumeDescription volume = System.Find(loop);
        Tool.Run("losetup", "-d", loop);
        var gone = Assert.Throws<ImageBackupException>(() => System.OpenRead(volume, VolumeOpenMode.Shared));
        // A detached device has another disk sequence number: it is another one.
        Assert.Contains(gone.Id, new[] { ErrorId.VolumeEmpty, ErrorId.VolumeNotFound, ErrorId.VolumeChanged });
        Assert.Equal(ErrorId.VolumeEmpty, Assert.Throws<ImageBackupException>(
            () => System.OpenRead(System.Find(rig.File("empty", 0)), VolumeOpenMode.Exclusive)).Id);
    }

    [Fact]
    public void A_device_that_shrinks_is_noticed_and_reading_past_the_new_end_fails_there()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        string file = rig.File("disk", 4 << 20);
        string loop = rig.Loop(file);
        using IBlockReader reader = System.OpenRead(System.Find(loop), VolumeOpenMode.Shared);
        using (FileStream stream = File.OpenWrite(file))
            stream.SetLength(1 << 20);
        Tool.Run("losetup", "-c", loop);
        Assert.Equal(1 << 20, ((ILengthQuery)reader).QueryLengthBytes());
        Assert.Equal(4 << 20, reader.LengthBytes);
        var e = Assert.Throws<BlockReadException>(() => reader.ReadAt(0, new byte[2 << 20]));
        Assert.Equal(1 << 20, e.OffsetBytes);
        Assert.Equal(1 << 20, e.LengthBytes);
    }

    [Fact]
    public void A_read_error_has_the_offset_of_the_first_byte_that_cannot_be_read()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        byte[] content = Noise(4 << 20);
        File.WriteAllBytes(rig.Path("disk"), content);
        string loop = rig.Loop(rig.Path("disk"));
        // The device keeps its length; what lies behind the file's new end gives EIO.
        Tool.Run("truncate", "-s", "1M", rig.Path("disk"));
        using IBlockReader reader = System.OpenRead(System.Find(loop), VolumeOpenMode.Exclusive);
        byte[] buffer = new byte[2 << 20];
        var e = Assert.Throws<BlockReadException>(() => reader.ReadAt(4096, buffer));
        Assert.Equal(1 << 20, e.OffsetBytes);
        Assert.Equal((1 << 20) + 4096, e.LengthBytes);
        Assert.True(content.AsSpan(4096, (1 << 20) - 4096).SequenceEqual(buffer.AsSpan(0, (1 << 20) - 4096)));
        // The reader is none the worse for it.
        Assert.Equal(4096, reader.ReadAt(0, buffer.AsSpan(0, 4096)));
    }

    internal static byte[] Noise(int count, int seed = 7)
    {
        byte[] noise = new byte[count];
        new Random(seed).NextBytes(noise);
        return noise;
    }

    private static byte[] ReadAll(VolumeDescription volume)
    {
        using IBlockReader reader = System.OpenRead(volume, VolumeOpenMode.Shared);
        byte[] content = new byte[reader.LengthBytes];
        Assert.Equal(content.Length, reader.ReadAt(0, content));
        return content;
    }

    private static int Count(byte[] content, byte value) => content.AsSpan().Count(value);
}
