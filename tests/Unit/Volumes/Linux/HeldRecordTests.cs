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

public sealed class HeldRecordTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public HeldRecordTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Records are Linux's.");

    public void Dispose() => _directory.Dispose();

    private string Held => _directory["held"];

    [Fact]
    public void A_record_is_living_while_it_is_held_and_abandoned_afterwards()
    {
        var values = new Dictionary<string, string> { ["mountPoint"] = "/mnt/a\nb\\c=d e", ["volume"] = "/dev/sda1" };
        HeldRecord record = HeldRecord.Create(Held, "remount", values);
        Assert.Equal("/mnt/a\nb\\c=d e", Assert.Single(HeldRecord.Living(Held, "remount")).Find("mountPoint"));
        Assert.Empty(HeldRecord.Abandoned(Held, "remount"));
        record.Dispose();
        Assert.Empty(HeldRecord.Living(Held, "remount"));
        HeldRecord left = Assert.Single(HeldRecord.Abandoned(Held, "remount"));
        Assert.Equal(("/mnt/a\nb\\c=d e", "/dev/sda1", true), (left.Values.Find("mountPoint"), left.Values.Find("volume"), left.IsOfThisBoot));
        // Who undoes it holds it: another run does not.
        Assert.Empty(HeldRecord.Abandoned(Held, "remount"));
        left.Remove();
        Assert.Empty(Directory.GetFiles(Held));
    }

    [Fact]
    public void Kinds_do_not_mix_and_unfinished_ones_are_cleared_away()
    {
        HeldRecord.Create(Held, "lvm", new Dictionary<string, string>()).Dispose();
        File.WriteAllText(Path.Combine(Held, "remount-0.held.new"), "");
        File.WriteAllText(Path.Combine(Held, "remount-readme"), "");
        Assert.Empty(HeldRecord.Abandoned(Held, "remount"));
        Assert.Single(HeldRecord.Abandoned(Held, "lvm")).Remove();
        Assert.Equal(["remount-readme"], Directory.GetFiles(Held).Select(Path.GetFileName));
    }

    [Fact]
    public void What_is_in_a_file_may_be_anything()
    {
        Directory.CreateDirectory(Held);
        File.WriteAllBytes(Path.Combine(Held, "remount-x.held"), SeededBytes.Make(5, 200_000));
        HeldRecord left = Assert.Single(HeldRecord.Abandoned(Held, "remount"));
        Assert.False(left.IsOfThisBoot);
        Assert.Null(ReadOnlyMount.PutBackLeft(new LinuxRoots(), left));
        Assert.Empty(HeldRecord.Abandoned(Held, "remount"));
        Assert.Empty(HeldRecord.Abandoned(_directory["nowhere"], "remount"));
    }

    [Fact]
    public void Others_may_not_read_it()
    {
        if (OperatingSystem.IsWindows())
            return;
        using HeldRecord record = HeldRecord.Create(Held, "lvm", new Dictionary<string, string>());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Assert.Single(Directory.GetFiles(Held))));
    }
}
