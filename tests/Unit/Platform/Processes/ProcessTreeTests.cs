using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform.Processes;

/// <summary>Ending a child with all that it started.</summary>
public sealed class ProcessTreeTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private readonly TemporaryDirectory _directory = new();
    private readonly List<int> _toKill = [];

    public ProcessTreeTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "The trees are shells'.");

    public void Dispose()
    {
        foreach (int id in _toKill.Where(RunningProcess.Exists))
            Process.GetProcessById(id).Kill();
        _directory.Dispose();
    }

    [Fact]
    public void A_grandchild_goes_whose_parent_has_ended()
    {
        using ProcessTree tree = Start($"sh -c 'sleep 600 & echo $! > {_directory["id.new"]}'; mv {_directory["id.new"]} {_directory["id"]}; sleep 600");
        int orphan = IdIn("id");
        Assert.NotEqual(tree.Process.Id, LinuxProcess.TryRead(orphan)!.Value.ParentId);
        tree.End();
        Assert.True(tree.Process.HasExited);
        Assert.False(RunningProcess.Exists(orphan));
    }

    [Fact]
    public void What_does_not_listen_is_killed_with_its_children()
    {
        using ProcessTree tree = Start($"trap '' TERM; sleep 600 & echo $! > {_directory["id.new"]}; mv {_directory["id.new"]} {_directory["id"]}; while :; do sleep 0.1; done");
        int child = IdIn("id");
        tree.End();
        Assert.True(tree.Process.HasExited);
        Assert.False(RunningProcess.Exists(child));
    }

    [Fact]
    public void What_listens_may_tidy_up()
    {
        using ProcessTree tree = Start($"trap 'echo tidied > {_directory["tidy"]}; exit 0' TERM; echo $$ > {_directory["id.new"]}; mv {_directory["id.new"]} {_directory["id"]}; while :; do sleep 0.05; done");
        _ = IdIn("id");
        tree.End();
        Assert.Equal("tidied", File.ReadAllText(_directory["tidy"]).Trim());
    }

    /// <summary>What a snapshot command made may be a daemon: the command that removes the snapshot ends it.</summary>
    [Fact]
    public void A_daemon_in_a_session_of_its_own_stays()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/setsid"), "setsid is not installed (util-linux).");
        using ProcessTree tree = Start($"sh -c 'setsid sh -c \"echo \\$\\$ > {_directory["id.new"]}; mv {_directory["id.new"]} {_directory["id"]}; exec sleep 600\" &'; sleep 600");
        int daemon = IdIn("id");
        tree.End();
        Assert.True(RunningProcess.Exists(daemon));
    }

    [Fact]
    public void Only_disposed_it_goes_on()
    {
        int id;
        using (ProcessTree tree = Start("exec sleep 600"))
            _toKill.Add(id = tree.Process.Id);
        Assert.True(RunningProcess.Exists(id));
    }

    /// <summary>Neither the program nor what it left in the background with its pipes holds up who cancels.</summary>
    [Fact]
    public void A_cancelled_run_ends_soon_with_all_that_it_started()
    {
        using var cancellation = new CancellationTokenSource();
        string line = $"(trap '' TERM; echo $$ > {_directory["id.new"]}; mv {_directory["id.new"]} {_directory["id"]}; sleep 600) & sleep 600";
        var variables = new Dictionary<string, string> { ["IMAGEBACKUP_TEST_RUN"] = _directory.Path };
        var thread = new Thread(() =>
        {
            _ = IdIn("id");
            cancellation.Cancel();
        });
        thread.Start();
        var clock = Stopwatch.StartNew();
        Assert.Throws<OperationCanceledException>(() => ProcessRunner.Shell(line, TimeSpan.FromMinutes(10), cancellation.Token, variables));
        thread.Join();
        Assert.True(clock.Elapsed < s_patience, clock.Elapsed.ToString());
        Assert.DoesNotContain(LinuxProcess.All(), process => !process.IsZombie && process.HasVariable("IMAGEBACKUP_TEST_RUN=" + _directory.Path));
    }

    [Fact]
    public void A_run_whose_time_is_over_says_so_and_is_gone()
    {
        ProgramResult result = ProcessRunner.Shell($"sh -c 'sleep 600 & echo $! > {_directory["id"]}'; sleep 600", TimeSpan.FromSeconds(1), CancellationToken.None);
        Assert.Null(result.ExitCode);
        Assert.Contains("longer than 1 s", result.ErrorText, StringComparison.Ordinal);
        Assert.False(RunningProcess.Exists(IdIn("id")));
    }

    [Theory]
    [InlineData("7 (a) b) S 3 7 2 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1 2", 7, 'S', 3, 2, 4711)]
    [InlineData("1 (x\ny) Z 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9223372036854775807", 1, 'Z', 0, 1, long.MaxValue)]
    public void A_line_of_stat_is_read(string line, int id, char state, int parent, int session, long start) =>
        Assert.Equal(new LinuxProcess(id, state, parent, session, start), LinuxProcess.Parse(line));

    [Theory]
    [InlineData("")]
    [InlineData("7 )a( S 3")]
    [InlineData("7 (a) S 3 7 2")]
    [InlineData("7 (a) S 99999999999 7 2 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711")]
    [InlineData("7 (a) SS 3 7 2 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711")]
    [InlineData("7 (a) S 3 7 2 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 -1")]
    public void Any_other_line_is_none(string line) => Assert.Null(LinuxProcess.Parse(line));

    private ProcessTree Start(string script)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", script]);
        start.Environment["IMAGEBACKUP_TEST_RUN"] = _directory.Path;
        return ProcessTree.Start(start);
    }

    private int IdIn(string name)
    {
        var clock = Stopwatch.StartNew();
        while (!File.Exists(_directory[name]))
        {
            Assert.True(clock.Elapsed < s_patience, "The script did not get that far.");
            Thread.Sleep(10);
        }
        int id = int.Parse(File.ReadAllText(_directory[name]), CultureInfo.InvariantCulture);
        _toKill.Add(id);
        return id;
    }
}
