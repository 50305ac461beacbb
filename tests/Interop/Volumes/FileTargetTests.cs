using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes;
using Xunit;

namespace ImageBackup.Tests.Interop.Volumes;

public class FileTargetTests
{
    private static IVolumeSystem System => VolumeSystem.Current;

    [Fact]
    public void A_new_file_appears_when_it_is_whole_and_only_then()
    {
        using var rig = new Rig();
        string path = rig.Path("image");
        byte[] news = LinuxReadTests.Noise(100_000);
        using (FileTarget target = FileTarget.CreateNew(path, 10_000_001, replaceExisting: false))
        {
            Assert.Equal(10_000_001, target.LengthBytes);
            Assert.Null(target.NextData(0));
            target.WriteAt(5_000_000, news);
            Assert.False(File.Exists(path));
            string temporary = Assert.Single(Directory.GetFiles(rig.Directory));
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(temporary));
            byte[] back = new byte[news.Length];
            Assert.Equal(back.Length, target.ReadAt(5_000_000, back));
            Assert.Equal(news, back);
            target.Complete();
            Assert.Throws<InvalidOperationException>(target.Complete);
        }
        Assert.Equal([path], Directory.GetFiles(rig.Directory));
        byte[] expected = new byte[10_000_001];
        news.CopyTo(expected, 5_000_000);
        Assert.True(expected.AsSpan().SequenceEqual(File.ReadAllBytes(path)));
    }

    [Fact]
    public void A_file_that_never_got_whole_leaves_nothing_behind()
    {
        using var rig = new Rig();
        File.WriteAllText(rig.Path("image"), "old");
        using (FileTarget target = FileTarget.CreateNew(rig.Path("image"), 1 << 20, replaceExisting: true))
            target.WriteAt(0, new byte[] { 1, 2, 3 });
        Assert.Equal("old", File.ReadAllText(Assert.Single(Directory.GetFiles(rig.Directory))));
    }

    [Fact]
    public void An_existing_file_is_replaced_only_when_asked_and_in_one_step()
    {
        using var rig = new Rig();
        File.WriteAllText(rig.Path("image"), "old");
        Assert.Equal(ErrorId.TargetExists, Assert.Throws<ImageBackupException>(
            () => FileTarget.CreateNew(rig.Path("image"), 10, replaceExisting: false)).Id);
        using (FileTarget target = FileTarget.CreateNew(rig.Path("image"), 3, replaceExisting: true))
        {
            target.WriteAt(0, "new"u8);
            Assert.Equal("old", File.ReadAllText(rig.Path("image")));
            target.Complete();
        }
        Assert.Equal("new", File.ReadAllText(rig.Path("image")));
    }

    [Fact]
    public void A_file_that_came_up_meanwhile_is_not_overwritten()
    {
        using var rig = new Rig();
        using (FileTarget target = FileTarget.CreateNew(rig.Path("image"), 3, replaceExisting: false))
        {
            File.WriteAllText(rig.Path("image"), "theirs");
            Assert.Equal(ErrorId.TargetExists, Assert.Throws<ImageBackupException>(target.Complete).Id);
        }
        Assert.Equal("theirs", File.ReadAllText(Assert.Single(Directory.GetFiles(rig.Directory))));
    }

    [Fact]
    public void What_a_killed_process_left_goes_but_what_a_living_one_writes_stays()
    {
        using var rig = new Rig();
        string leftOver = rig.Path($".image.{Guid.NewGuid():N}.restoring");
        string other = rig.Path($".image.{Guid.NewGuid():N}x.restoring");
        File.WriteAllText(leftOver, "");
        File.WriteAllText(other, "");
        using FileTarget living = FileTarget.CreateNew(rig.Path("image"), 10, replaceExisting: false);
        Assert.False(File.Exists(leftOver));
        Assert.True(File.Exists(other));
        using FileTarget second = FileTarget.CreateNew(rig.Path("image"), 10, replaceExisting: false);
        Assert.Equal(3, Directory.GetFiles(rig.Directory).Length);
        living.Complete();
        Assert.Equal(ErrorId.TargetExists, Assert.Throws<ImageBackupException>(second.Complete).Id);
    }

    [Fact]
    public void An_existing_file_is_written_in_place_and_brought_to_length()
    {
        using var rig = new Rig();
        byte[] old = LinuxReadTests.Noise(300_000);
        File.WriteAllBytes(rig.Path("image"), old);
        using (FileTarget target = FileTarget.OpenExisting(rig.Path("image"), 400_000))
        {
            Assert.Equal(ErrorId.TargetInUse, Assert.Throws<ImageBackupException>(
                () => FileTarget.OpenExisting(rig.Path("image"), 1)).Id);
            target.WriteAt(350_000, "tail"u8);
            target.ZeroRange(new ByteRange(10, 100_000));
            target.Complete();
        }
        Array.Resize(ref old, 400_000);
        "tail"u8.CopyTo(old.AsSpan(350_000));
        old.AsSpan(10, 100_000).Clear();
        Assert.True(old.AsSpan().SequenceEqual(File.ReadAllBytes(rig.Path("image"))));
        using (FileTarget.OpenExisting(rig.Path("image"), 5))
        {
        }
        Assert.Equal(5, new FileInfo(rig.Path("image")).Length);
        Assert.Equal(ErrorId.VolumeNotFound, Assert.Throws<ImageBackupException>(
            () => FileTarget.OpenExisting(rig.Path("nosuch"), 5)).Id);
    }

    [Fact]
    public void What_cannot_be_a_file_is_refused()
    {
        using var rig = new Rig();
        Directory.CreateDirectory(rig.Path("directory"));
        foreach (string path in new[] { rig.Path("nosuch/image"), rig.Path("directory"), rig.Path("directory") + "/", rig.Path(new string('n', 300)) })
        {
            Assert.Equal(ErrorId.TargetInvalid, Assert.Throws<ImageBackupException>(
                () => FileTarget.CreateNew(path, 10, replaceExisting: true)).Id);
        }
        Assert.Equal(ErrorId.TargetInvalid, Assert.Throws<ImageBackupException>(
            () => FileTarget.CreateNew(rig.Path("image"), long.MaxValue, replaceExisting: true)).Id);
        Assert.Empty(Directory.GetFiles(rig.Directory));
    }

    [Fact]
    public void A_full_disk_is_told_and_leaves_no_file()
    {
        Tool.RequireRoot();
        using var rig = new Rig();
        string point = rig.Mount("small", "-t", "tmpfs", "-o", "size=1m", "tmpfs");
        using (FileTarget target = FileTarget.CreateNew(Path.Combine(point, "image"), 64 << 20, replaceExisting: false))
        {
            byte[] block = LinuxReadTests.Noise(256 << 10);
            var e = Assert.Throws<BlockWriteException>(() =>
            {
                for (long offset = 0; offset < target.LengthBytes; offset += block.Length)
                    target.WriteAt(offset, block);
            });
            Assert.True(e.IsSpaceExhausted);
            Assert.Contains("full", e.Message, StringComparison.Ordinal);
            Assert.InRange(e.OffsetBytes, 512 << 10, 1 << 20);
            var complete = Assert.Throws<BlockWriteException>(target.Complete);
            Assert.True(complete.IsSpaceExhausted);
        }
        Assert.Empty(Directory.GetFileSystemEntries(point));
    }

    [Fact]
    public void Holes_are_neither_read_nor_stored()
    {
        using var rig = new Rig();
        string path = rig.File("huge", 1L << 40);
        using (FileStream stream = File.OpenWrite(path))
        {
            stream.Position = 600L << 30;
            stream.Write(LinuxReadTests.Noise(10_000));
        }
        using var reader = (ISparseBlockReader)System.OpenRead(System.Find(path), VolumeOpenMode.Exclusive);
        Assert.Equal(1L << 40, reader.LengthBytes);
        ByteRange data = Assert.NotNull(reader.NextData(0));
        Assert.InRange(data.OffsetBytes, (600L << 30) - (1 << 20), 600L << 30);
        Assert.InRange(data.EndBytes, (600L << 30) + 10_000, (600L << 30) + (1 << 20));
        Assert.Null(reader.NextData(data.EndBytes));
        Assert.Equal(data.EndBytes, Assert.NotNull(reader.NextData(data.OffsetBytes + 1)).EndBytes);

        using FileTarget target = FileTarget.OpenExisting(rig.File("target", 1 << 20), 1 << 20);
        target.WriteAt(0, LinuxReadTests.Noise(1 << 20));
        target.Flush();
        Assert.Equal(new ByteRange(0, 1 << 20), target.NextData(0));
        target.ZeroRange(new ByteRange(0, 512 << 10));
        Assert.Equal(new ByteRange(512 << 10, 512 << 10), target.NextData(0));
        Assert.True(target.TryDiscard(new ByteRange(512 << 10, 512 << 10)));
        Assert.Null(target.NextData(0));
    }

    [Fact]
    public void A_file_that_another_program_locks_or_that_changes_is_noticed()
    {
        using var rig = new Rig();
        string path = rig.File("image", 1 << 20);
        VolumeDescription volume = System.Find(path);
        using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            Assert.Equal(ErrorId.VolumeInUse, Assert.Throws<ImageBackupException>(() => System.OpenRead(volume, VolumeOpenMode.Exclusive)).Id);
        using IBlockReader reader = System.OpenRead(volume, VolumeOpenMode.Exclusive);
        Assert.Throws<IOException>(() => new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose());
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Nobody can cut the file there while it is held.");
        Tool.Run("truncate", "-s", "1000", path);
        Assert.Equal(1000, ((ILengthQuery)reader).QueryLengthBytes());
        var e = Assert.Throws<BlockReadException>(() => reader.ReadAt(0, new byte[2000]));
        Assert.Equal(1000, e.OffsetBytes);
    }

    [Fact]
    public void A_mounted_or_attached_file_is_in_use()
    {
        Tool.RequireRoot("mkfs.ext4");
        using var rig = new Rig();
        string path = rig.File("image", 16 << 20);
        string loop = rig.Loop(path);
        VolumeDescription attached = System.Find(path);
        Assert.Equal([loop], attached.Holders);
        Assert.Equal(ErrorId.VolumeInUse, Assert.Throws<ImageBackupException>(() => System.OpenRead(attached, VolumeOpenMode.Exclusive)).Id);
        Tool.Run("mkfs.ext4", "-q", loop);
        string point = rig.Mount("mnt", loop);
        VolumeDescription mounted = System.Find(path);
        Assert.Equal([point], mounted.MountPoints);
        var e = Assert.Throws<ImageBackupException>(() => System.OpenRead(mounted, VolumeOpenMode.Exclusive));
        Assert.Contains(point, e.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorId.TargetMounted, Assert.Throws<ImageBackupException>(() => FileTarget.OpenExisting(path, 16 << 20)).Id);
        using IBlockReader shared = System.OpenRead(mounted, VolumeOpenMode.Shared);
        Assert.Equal(16 << 20, shared.LengthBytes);
    }
}
