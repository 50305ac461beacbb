using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Engine.VolumeSnapshots.Commands;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.VolumeSnapshots;

public sealed class CommandProviderTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly VolumeDouble _volumes = new();
    private readonly CommandSnapshotProvider _provider;
    private readonly VolumeDescription _volume;

    public CommandProviderTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The commands here are a Linux shell's.");
        _provider = new CommandSnapshotProvider(() => _volumes, _directory["undo"]);
        _volume = _volumes.Add("/mem/a", new byte[4096], d => d with { MountPoints = ["/srv/a b"] }).Description;
        _volumes.Add("/mem/frozen", SeededBytes.Make(1, 4096));
    }

    public void Dispose() => _directory.Dispose();

    private string Log => _directory["log"];

    private SnapshotOptions Options(string create = "", string remove = "") => new()
    {
        CreateCommand = $"echo \"create $IMAGEBACKUP_ID $IMAGEBACKUP_VOLUME $IMAGEBACKUP_MOUNTPOINT\" >> '{Log}'; echo talk; echo /mem/frozen; echo; {create}",
        RemoveCommand = $"echo \"remove $IMAGEBACKUP_ID $IMAGEBACKUP_SNAPSHOT\" >> '{Log}'; {remove}",
        Timeout = TimeSpan.FromSeconds(60),
    };

    [Fact]
    public void The_device_that_the_first_command_prints_is_read_and_the_second_one_removes_it()
    {
        using (ISnapshotSet set = _provider.Create([_volume], Options(), _ => { }, CancellationToken.None))
        {
            Assert.Equal("/mem/frozen", set.Snapshots[0].DevicePath);
            using IBlockReader reader = set.Snapshots[0].OpenRead();
            byte[] bytes = new byte[4096];
            Assert.Equal(4096, reader.ReadAt(0, bytes));
            Assert.Equal(SeededBytes.Make(1, 4096), bytes);
            Assert.True(set.Snapshots[0].QueryState().IsValid);
            // It is held: no other run takes it for a left-over.
            Assert.Empty(_provider.FindOrphans());
        }
        string[] lines = File.ReadAllLines(Log);
        string id = lines[0].Split(' ')[1];
        Assert.Equal([$"create {id} /mem/a /srv/a b", $"remove {id} /mem/frozen"], lines);
        Assert.Empty(Directory.GetFiles(_directory["undo"]));
    }

    [Theory]
    [InlineData("exit 4", "it ended with 4")]
    [InlineData("echo /mem/nothing", "no volume '/mem/nothing'")]
    public void When_it_fails_nothing_is_left(string create, string why)
    {
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _provider.Create([_volume], Options(create), _ => { }, CancellationToken.None));
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.StartsWith("remove", File.ReadAllLines(Log)[^1], StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_directory["undo"]));
    }

    [Fact]
    public void A_copy_of_another_length_is_none()
    {
        _volumes.Add("/mem/frozen", new byte[512]);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _provider.Create([_volume], Options(), _ => { }, CancellationToken.None));
        Assert.Equal(ErrorId.SnapshotFailed, e.Id);
        Assert.Contains("512 bytes and the volume 4096", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_that_hangs_is_ended()
    {
        SnapshotOptions options = Options("sleep 600") with { Timeout = TimeSpan.FromMilliseconds(400) };
        Assert.Throws<ImageBackupException>(() => _provider.Create([_volume], options, _ => { }, CancellationToken.None));
    }

    [Fact]
    public void What_could_not_be_removed_is_found_and_removed_later()
    {
        string flag = _directory["flag"];
        _provider.Create([_volume], Options(remove: $"test -e '{flag}'"), _ => { }, CancellationToken.None).Dispose();
        OrphanSnapshot left = Assert.Single(_provider.FindOrphans());
        Assert.Equal(("COMMAND", "/mem/a"), (left.Provider, left.VolumeName));
        Assert.Throws<ImageBackupException>(() => _provider.Remove(left, _ => { }));
        Assert.Single(_provider.FindOrphans());
        File.WriteAllText(flag, "");
        _provider.Remove(left, _ => { });
        Assert.Empty(_provider.FindOrphans());
    }

    /// <summary>Whether a killed run's command still works on the snapshot; a daemon is what it made.</summary>
    [Theory]
    [InlineData("sleep 600", 60, true)]
    [InlineData("setsid sleep 600", 60, false)]
    [InlineData("sleep 600", 0.001, false)]
    public void What_a_command_still_works_on_is_not_removed(string command, double limitSeconds, bool isKept)
    {
        string flag = _directory["flag"];
        SnapshotOptions options = Options(remove: $"test -e '{flag}'");
        ISnapshotSet set = _provider.Create([_volume], options, _ => { }, CancellationToken.None);
        set.Dispose();
        File.WriteAllText(flag, "");
        OrphanSnapshot left = Assert.Single(_provider.FindOrphans());
        // As it would be with this limit.
        string record = Assert.Single(Directory.GetFiles(_directory["undo"]));
        File.WriteAllText(record, File.ReadAllText(record).Replace("limitSeconds=60", FormattableString.Invariant($"limitSeconds={limitSeconds}"), StringComparison.Ordinal));
        string ready = _directory["ready"];
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"{command.Replace("sleep", $"sh -c 'echo $$ > \"{ready}\"; exec sleep \"$0\"'", StringComparison.Ordinal)} & wait"]);
        start.Environment["IMAGEBACKUP_ID"] = left.Name;
        using Process process = Process.Start(start)!;
        try
        {
            Assert.True(SpinWait.SpinUntil(() => File.Exists(ready) && new FileInfo(ready).Length > 0, TimeSpan.FromMinutes(1)));
            // The shell is none of a daemon's.
            if (command.StartsWith("setsid", StringComparison.Ordinal))
            {
                process.Kill();
                process.WaitForExit();
            }
            if (isKept)
            {
                ImageBackupException e = Assert.Throws<ImageBackupException>(() => _provider.Remove(left, _ => { }));
                Assert.Contains("cannot be removed yet", e.Message, StringComparison.Ordinal);
            }
            else
            {
                _provider.Remove(left, _ => { });
            }
            Assert.Equal(isKept ? 1 : 0, _provider.FindOrphans().Count);
        }
        finally
        {
            using Process sleeper = Process.GetProcessById(int.Parse(File.ReadAllText(ready), CultureInfo.InvariantCulture));
            sleeper.Kill();
            process.WaitForExit();
        }
    }

    [Fact]
    public void Without_commands_it_cannot_be_used()
    {
        Assert.False(_provider.CheckMachine(new SnapshotOptions()).IsUsable);
        Assert.True(_provider.CheckVolume(_volume, Options()).IsUsable);
    }
}
