using System;
using System.Collections.Generic;
using System.IO;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Windows;

public sealed class WindowsUndoRecordTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public void A_living_runs_record_is_nobodys()
    {
        using WindowsUndoRecord held = Create();
        Assert.Empty(WindowsUndoRecord.Abandoned(_directory.Path, "vss"));
    }

    [Fact]
    public void A_dead_runs_record_is_found_by_one_run_only()
    {
        WindowsUndoRecord held = Create();
        held.Write(new Dictionary<string, string> { ["set"] = "two\nlines" });
        held.Dispose();
        WindowsUndoRecord found = Assert.Single(WindowsUndoRecord.Abandoned(_directory.Path, "vss"));
        Assert.Equal(new Dictionary<string, string> { ["volume"] = "D:", ["set"] = "two lines" }, found.Values);
        Assert.Empty(WindowsUndoRecord.Abandoned(_directory.Path, "vss"));
        Assert.Empty(WindowsUndoRecord.Abandoned(_directory.Path, "wmi"));
        found.Remove();
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    [Fact]
    public void What_was_given_back_leaves_no_file()
    {
        WindowsUndoRecord held = Create();
        held.Remove();
        held.Remove();
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no line of ours")]
    public void What_says_nothing_holds_nothing(string content)
    {
        File.WriteAllText(_directory["vss-1.undo"], content);
        Assert.Empty(WindowsUndoRecord.Abandoned(_directory.Path, "vss"));
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    [Fact]
    public void A_folder_that_is_not_there_holds_nothing() => Assert.Empty(WindowsUndoRecord.Abandoned(_directory["none"], "vss"));

    public void Dispose() => _directory.Dispose();

    private WindowsUndoRecord Create() => WindowsUndoRecord.Create(_directory.Path, "vss", new Dictionary<string, string> { ["volume"] = "D:" });
}
