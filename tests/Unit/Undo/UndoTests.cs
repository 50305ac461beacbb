using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Undo;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Engine.VolumeSnapshots.Commands;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using ImageBackup.Tests.Unit.Platform.Termination;
using Xunit;

namespace ImageBackup.Tests.Unit.Undo;

/// <summary>Every way out undoes; what a kill leaves is on record, named and undone later.</summary>
[Collection(ProcessEnd.Name)]
public sealed class UndoTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private readonly JobRig _rig = new();
    private readonly EventCollector _events = new();
    private readonly SnapshotProviderDouble _provider;
    private readonly PostCommandRecords _records;

    public UndoTests()
    {
        _provider = new SnapshotProviderDouble(_rig.Volumes);
        _records = PostCommandRecords.In(Records);
        _rig.Volumes.Add("/mem/a", JobRig.Content("ab0c", 100), d => d with { MountPoints = ["/srv/a"] });
        _rig.Volumes.Add("/mem/b", JobRig.Content("ab0c", 101));
    }

    public void Dispose() => _rig.Dispose();

    private string Records => _rig.File("undo");
    private string[] RecordFiles => Directory.Exists(Records) ? Directory.GetFiles(Records) : [];
    private SnapshotProviders Providers => new([_provider]) { PostCommands = _records };
    private UndoJob Undo => new(_rig.Volumes, Providers, new EventLog([_events]));

    [Fact]
    public void A_process_that_is_told_to_end_removes_a_shared_set()
    {
        _provider.TakesSets = true;
        using SharedSnapshots shared = Job().Share([Request("/mem/a"), Request("/mem/b")], CancellationToken.None);
        ExitCleanup.Run();
        Assert.Equal(["create", "dispose"], _provider.Calls);
    }

    [Fact]
    public void The_record_of_the_second_command_is_there_before_the_first_one_runs_and_gone_after_the_second()
    {
        RequireShell();
        string order = _rig.File("order");
        Backup("/mem/a", q => q with
        {
            PreSnapshotCommand = $"ls '{Records}' | wc -l >> '{order}'; echo $IMAGEBACKUP_ID >> '{order}'",
            PostSnapshotCommand = $"ls '{Records}' | wc -l >> '{order}'; echo $IMAGEBACKUP_ID >> '{order}'",
        });
        string[] lines = File.ReadAllLines(order);
        Assert.Equal(("1", "1"), (lines[0], lines[2]));
        Assert.NotEqual("", lines[1]);
        Assert.Equal(lines[1], lines[3]);
        Assert.Empty(RecordFiles);
    }

    /// <summary>SIGTERM while the first command runs: it is ended with all that it started, and the second one runs.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_second_command_runs_though_the_process_is_told_to_end_during_the_first(int signalCount)
    {
        RequireShell();
        string begun = _rig.File("begun"), after = _rig.File("after");
        Task<Exception?> backup = Task.Run(() => Record.Exception(() => Backup("/mem/a", q => q with
        {
            PreSnapshotCommand = $"sleep 600 & echo x > '{begun}'; sleep 600",
            PostSnapshotCommand = $"sleep 0.5; echo $IMAGEBACKUP_VOLUME >> '{after}'",
        })));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(begun), s_patience));
        await Task.WhenAll(Enumerable.Range(0, signalCount).Select(_ => Task.Run(() =>
        {
            ExitCleanup.Run();
            // Each signal's handler returns only when it has run.
            Assert.Equal("/mem/a", File.ReadAllText(after).Trim());
        })));
        Assert.IsAssignableFrom<OperationCanceledException>(await backup);
        Assert.Empty(_provider.Calls);
        Assert.Empty(RecordFiles);
        Assert.Empty(_rig.Memory.Names(StoredKind.Lock));
    }

    [Fact]
    public void A_second_command_that_fails_stays_on_record_and_is_run_again()
    {
        RequireShell();
        string repaired = _rig.File("repaired"), environment = _rig.File("env");
        Backup("/mem/a", q => q with
        {
            PostSnapshotCommand = $"test -e '{repaired}' && echo \"$IMAGEBACKUP_VOLUME|$IMAGEBACKUP_MOUNTPOINT|$IMAGEBACKUP_VOLUMES\" > '{environment}'",
        });
        PendingUndo pending = Assert.Single(Undo.Find());
        Assert.Equal((PendingUndoKind.PostSnapshotCommand, "/mem/a", false), (pending.Kind, pending.Volume, pending.IsUndone));
        Assert.Contains("was not run: test -e", pending.Description, StringComparison.Ordinal);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => Undo.Undo(pending));
        Assert.Equal(ErrorId.UndoFailed, e.Id);
        Assert.Single(RecordFiles);
        Assert.Contains(EventId.PostSnapshotCommandFailed, _events.Ids);

        File.WriteAllText(repaired, "");
        // The next backup does it before it takes anything.
        Backup("/mem/b", q => q);
        Assert.Equal("/mem/a|/srv/a|/mem/a", File.ReadAllText(environment).Trim());
        Assert.Contains(EventId.OrphanCommandRun, _events.Ids);
        Assert.Empty(RecordFiles);
        Assert.Empty(Undo.Find());
    }

    [Fact]
    public void What_cannot_be_written_down_is_not_begun()
    {
        RequireShell();
        File.WriteAllText(Records, "in the directory's place");
        string begun = _rig.File("begun");
        JobRig.AssertFails(ErrorId.SnapshotCommandFailed, () => Backup("/mem/a", q => q with { PreSnapshotCommand = $"touch '{begun}'", PostSnapshotCommand = "true" }));
        Assert.False(File.Exists(begun));
        Assert.Empty(_provider.Calls);
    }

    [Fact]
    public void A_command_that_goes_on_without_its_killed_run_is_waited_for()
    {
        RequireShell();
        string done = _rig.File("done"), hold = _rig.File("hold"), begun = _rig.File("begun");
        File.WriteAllText(hold, "");
        string id = Guid.NewGuid().ToString("N");
        var variables = new Dictionary<string, string> { ["IMAGEBACKUP_ID"] = id, ["IMAGEBACKUP_VOLUMES"] = "/mem/a\n/mem/b" };
        _records.Begin(new PostCommand { CommandLine = $"echo \"$IMAGEBACKUP_VOLUMES\" > '{done}'", VolumeName = "/mem/a", Timeout = s_patience, Variables = variables, Id = id }).Dispose();
        var start = new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", $"touch '{begun}'; while [ -e '{hold}' ]; do sleep 0.05; done"]);
        start.Environment["IMAGEBACKUP_ID"] = id;
        using (var orphan = System.Diagnostics.Process.Start(start)!)
        {
            Assert.True(SpinWait.SpinUntil(() => File.Exists(begun), s_patience));
            Assert.Contains("goes on without it", Assert.Throws<ImageBackupException>(() => Undo.Undo(Assert.Single(Undo.Find()))).Message, StringComparison.Ordinal);
            File.Delete(hold);
            orphan.WaitForExit();
        }
        Assert.True(Undo.Undo(Assert.Single(Undo.Find())).IsUndone);
        Assert.Equal(["/mem/a", "/mem/b"], File.ReadAllLines(done));
    }

    [Fact]
    public void Everything_that_is_left_is_found_and_undone()
    {
        _rig.Volumes.LeftQuiesced = ["/mem/b"];
        _provider.Orphans.Add(new OrphanSnapshot("DOUBLE", "s1", "/mem/a"));
        IReadOnlyList<PendingUndo> found = Undo.Find();
        Assert.Equal(["'/mem/b' is still read-only at '/srv'", "the snapshot 's1' of '/mem/a' is still there"], found.Select(pending => pending.Description));
        Assert.All(found, pending => Assert.True(Undo.Undo(pending).IsUndone));
        Assert.Empty(Undo.Find());
        Assert.Equal([EventId.OrphanVolumePutBack, EventId.OrphanSnapshotRemoved], _events.Ids);
    }

    [Fact]
    public void A_snapshot_that_cannot_be_removed_stays()
    {
        _provider.Orphans.Add(new OrphanSnapshot("DOUBLE", "s1", "/mem/a"));
        _provider.RemoveFails = _ => new ImageBackupException(ErrorId.SnapshotFailed, "the group is locked", "s1");
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => Undo.Undo(Assert.Single(Undo.Find())));
        Assert.Equal((ErrorId.UndoFailed, "the group is locked"), (e.Id, e.Message));
        Assert.Single(Undo.Find());
        Assert.Equal([EventId.SnapshotNotRemoved], _events.Ids);
    }

    private static void RequireShell() => Assert.SkipUnless(OperatingSystem.IsLinux(), "The commands here are a Linux shell's.");

    private BackupJob Job() => new(_rig.Repository, _rig.Volumes, Providers, new EventLog([_events]));

    private ImageBackupInfo Backup(string volume, Func<QuiesceOptions, QuiesceOptions> change)
    {
        using var stop = new CancellationTokenSource();
        using RunningWork work = RunningWork.Begin(stop.Cancel);
        return Job().Run(Request(volume, change), null, stop.Token);
    }

    private BackupRequest Request(string volume, Func<QuiesceOptions, QuiesceOptions>? change = null)
    {
        var request = new BackupRequest { Volume = _rig.Volumes.Find(volume), ImageType = ImageType.Snapshot, ChunkSizeBytes = JobRig.ChunkBytes };
        return request with { Quiesce = change?.Invoke(request.Quiesce) ?? request.Quiesce };
    }
}
