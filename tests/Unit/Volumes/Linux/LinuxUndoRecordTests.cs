using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

public sealed class LinuxUndoRecordTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public LinuxUndoRecordTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Records are Linux's.");

    public void Dispose() => _directory.Dispose();

    private string Records => _directory["undo"];

    [Fact]
    public void A_record_is_living_while_it_is_held_and_abandoned_afterwards()
    {
        var values = new Dictionary<string, string> { ["mountPoint"] = "/mnt/a\nb\\c=d e", ["volume"] = "/dev/sda1" };
        LinuxUndoRecord record = LinuxUndoRecord.Create(Records, "remount", values);
        Assert.Equal("/mnt/a\nb\\c=d e", Assert.Single(LinuxUndoRecord.Living(Records, "remount")).Find("mountPoint"));
        Assert.Empty(LinuxUndoRecord.Abandoned(Records, "remount"));
        record.Dispose();
        Assert.Empty(LinuxUndoRecord.Living(Records, "remount"));
        LinuxUndoRecord left = Assert.Single(LinuxUndoRecord.Abandoned(Records, "remount"));
        Assert.Equal(("/mnt/a\nb\\c=d e", "/dev/sda1", true), (left.Values.Find("mountPoint"), left.Values.Find("volume"), left.IsOfThisBoot));
        // Who undoes it holds it: another run does not.
        Assert.Empty(LinuxUndoRecord.Abandoned(Records, "remount"));
        left.Remove();
        Assert.Empty(Directory.GetFiles(Records));
    }

    [Fact]
    public void Kinds_do_not_mix_and_unfinished_ones_are_cleared_away()
    {
        LinuxUndoRecord.Create(Records, "lvm", new Dictionary<string, string>()).Dispose();
        File.WriteAllText(Path.Combine(Records, "remount-0.undo.new"), "");
        File.WriteAllText(Path.Combine(Records, "remount-readme"), "");
        Assert.Empty(LinuxUndoRecord.Abandoned(Records, "remount"));
        Assert.Single(LinuxUndoRecord.Abandoned(Records, "lvm")).Remove();
        Assert.Equal(["remount-readme"], Directory.GetFiles(Records).Select(Path.GetFileName));
    }

    [Fact]
    public void What_is_in_a_file_may_be_anything()
    {
        Directory.CreateDirectory(Records);
        File.WriteAllBytes(Path.Combine(Records, "remount-x.undo"), SeededBytes.Make(5, 200_000));
        LinuxUndoRecord left = Assert.Single(LinuxUndoRecord.Abandoned(Records, "remount"));
        Assert.False(left.IsOfThisBoot);
        Assert.Null(ReadOnlyMount.PutBackLeft(new LinuxRoots(), left));
        Assert.Empty(LinuxUndoRecord.Abandoned(Records, "remount"));
        Assert.Empty(LinuxUndoRecord.Abandoned(_directory["nowhere"], "remount"));
    }

    [Fact]
    public void Others_may_not_read_it()
    {
        if (OperatingSystem.IsWindows())
            return;
        using LinuxUndoRecord record = LinuxUndoRecord.Create(Records, "lvm", new Dictionary<string, string>());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Assert.Single(Directory.GetFiles(Records))));
    }
}
