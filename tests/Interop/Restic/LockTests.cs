using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Verify;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>Locks of both, on one repository.</summary>
public sealed class LockTests : IDisposable
{
    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Ours_keeps_restics_prune_out_and_lets_its_readers_in()
    {
        using ImageRepository repository = _rig.Create("repo");
        using (repository.Lock(isExclusive: false, CancellationToken.None))
        {
            (int code, _, string error) = ResticTool.TryRun(_rig["repo"], "prune");
            Assert.NotEqual(0, code);
            Assert.Contains("locked", error, StringComparison.Ordinal);
            Assert.Contains($"PID {Environment.ProcessId} on {Environment.MachineName}", error, StringComparison.Ordinal);
            ResticTool.Run(_rig["repo"], "snapshots");
        }
        using (repository.Lock(isExclusive: true, CancellationToken.None))
        {
            Assert.NotEqual(0, ResticTool.TryRun(_rig["repo"], "check").Code);
            Assert.NotEqual(0, ResticTool.TryRun(_rig["repo"], "backup", _rig.Volume("a.img", 1, 1000)).Code);
        }
        ResticTool.Run(_rig["repo"], "prune");
        Assert.Empty(Directory.GetFiles(_rig["repo/locks"]));
    }

    /// <summary>restic unlock takes what is stale, and ours is not while we live; with --remove-all it takes ours, and we notice.</summary>
    [Fact]
    public void Restic_unlock_leaves_a_live_lock()
    {
        using ImageRepository repository = _rig.Create("repo");
        using RepositoryLock held = repository.Lock(isExclusive: false, CancellationToken.None);
        ResticTool.Run(_rig["repo"], "unlock");
        Assert.Single(repository.Locks());
        ResticTool.Run(_rig["repo"], "unlock", "--remove-all");
        Assert.Empty(repository.Locks());
        held.Refresh(DateTimeOffset.Now);
        Assert.True(held.Lost.IsCancellationRequested);
    }

    [Fact]
    public void Restics_live_lock_is_read_and_respected()
    {
        string volume = _rig.Volume("a.img", 2, 2_000_000);
        using ImageRepository repository = _rig.Create("repo");
        // A backup of a standard input that does not end holds restic's shared lock as long as we like.
        using Process restic = ResticTool.Begin(_rig["repo"], ["backup", "--stdin"], hasInput: true);
        try
        {
            Assert.True(SpinWait.SpinUntil(() => repository.Locks().Count > 0, TimeSpan.FromSeconds(60)), "restic took no lock.");
            RepositoryLockInfo info = Assert.Single(repository.Locks());
            Assert.Equal((restic.Id, false, false, Environment.MachineName), (info.ProcessId, info.IsExclusive, info.IsStale, info.ComputerName));
            ImageBackupException e = Assert.Throws<ImageBackupException>(() => repository.Lock(isExclusive: true, CancellationToken.None));
            Assert.Equal(ErrorId.RepositoryLocked, e.Id);
            Assert.Contains($"process {restic.Id}", e.Message, StringComparison.Ordinal);
            // A backup goes beside it, and nobody takes its lock away.
            ResticRig.Backup(repository, volume);
            Assert.Empty(repository.RemoveLocks(all: false, CancellationToken.None));
            Assert.Single(repository.Locks());
        }
        finally
        {
            restic.Kill();
            restic.WaitForExit();
        }
        // Killed: stale at once, on this machine.
        Assert.True(Assert.Single(repository.Locks()).IsStale);
        using (repository.Lock(isExclusive: true, CancellationToken.None))
            Assert.Equal(Environment.ProcessId, Assert.Single(repository.Locks()).ProcessId);
        ResticTool.Run(_rig["repo"], "check", "--read-data");
    }

    [Fact]
    public void Locked_exclusively_by_another_process_nothing_of_ours_begins()
    {
        string volume = _rig.Volume("a.img", 3, 100_000);
        using ImageRepository repository = _rig.Create("repo"), other = TestRepository.Open(_rig["repo"]);
        string id = ResticRig.Backup(repository, volume).Id;
        using RepositoryLock held = other.Lock(isExclusive: true, CancellationToken.None);
        string[] before = Directory.GetFiles(_rig["repo"], "*", SearchOption.AllDirectories);
        foreach (Action action in new Action[]
        {
            () => ResticRig.Backup(repository, volume),
            () => _rig.AssertRestores(repository, id, volume),
            () => new VerifyJob(repository).Run(id, null, CancellationToken.None),
            () => repository.Check(false, null, CancellationToken.None),
        })
        {
            Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(action).Id);
        }
        Assert.Equal(before.Order(StringComparer.Ordinal), Directory.GetFiles(_rig["repo"], "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        // Listing needs no lock.
        Assert.Single(ResticRig.List(repository));
    }
}
