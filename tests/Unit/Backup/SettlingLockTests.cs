using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup;

/// <summary>A backup begins while its lock settles: what may happen to the repository until then.</summary>
public sealed class SettlingLockTests : IDisposable
{
    private const int Chunk = JobRig.ChunkBytes;

    private readonly JobRig _rig = new();
    private readonly List<string> _told = [];

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(3)]
    [InlineData(600)] // Two packs are full before the last chunk is read.
    public void Nothing_gets_a_name_before_the_lock_stands(int chunkCount)
    {
        var events = new ConcurrentQueue<string>();
        _rig.Repository.LockTiming = LockTiming.Restic;
        _rig.Storage.Script = call =>
        {
            events.Enqueue($"{call.Operation} {call.Kind}");
            return null;
        };
        byte[] content = SeededBytes.Make(1, chunkCount * Chunk);
        _rig.Volumes.Add("/mem/a", content).OnRead = (_, _) => events.Enqueue("read");
        ImageBackupInfo image = _rig.Backup("/mem/a");

        List<string> order = [.. events];
        int saved = order.IndexOf("Save Lock"), settled = order.FindLastIndex(e => e == "List Lock");
        Assert.True(saved >= 0 && order.IndexOf("read") > saved, "The volume was read before the lock was there.");
        Assert.InRange(settled, order.IndexOf("read"), order.IndexOf("Commit Pack"));
        Assert.InRange(order.IndexOf("Save Index"), settled, order.IndexOf("Save Snapshot"));
        _rig.Storage.Reset();
        _rig.AssertRestores(image.Id, content);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(600)]
    public void A_rival_that_locked_at_the_same_moment_is_found_before_anything_gets_a_name(int chunkCount)
    {
        string? rival = null;
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", SeededBytes.Make(1, chunkCount * Chunk));
        AtFirstRead(volume, () => rival = TestRepository.SaveLock(_rig.Repository, _rig.Memory, DateTimeOffset.Now, "elsewhere", processId: 1, isExclusive: true));
        JobRig.AssertFails(ErrorId.RepositoryLocked, () => Backup());
        Assert.Equal([rival!], _rig.Memory.Names(StoredKind.Lock));
        Assert.Empty(new[] { StoredKind.Pack, StoredKind.Index, StoredKind.Snapshot }.SelectMany(_rig.Memory.Names));
        Assert.Equal((0, 0), (volume.OpenCount, _rig.Memory.OpenUploadCount));
    }

    /// <summary>Its holder was replacing its lock file when the locks were listed first, and was done before they were listed again.</summary>
    [Fact]
    public void What_a_prune_removed_meanwhile_is_stored_again()
    {
        byte[] content = JobRig.Content("abcab0d", 100);
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", content);
        _rig.Backup("/mem/a");
        AtFirstRead(volume, () => Remove(StoredKind.Snapshot, StoredKind.Index, StoredKind.Pack));
        ImageBackupInfo image = Backup();
        Assert.Contains(_told, line => line.Contains("The copy begins again", StringComparison.Ordinal));
        Assert.Empty(OtherWarnings.OtherWarningsOf(image));
        Assert.Equal(5, image.NewChunkCount);
        TestRepository.AssertHealthy(_rig.Repository);
        _rig.AssertRestores(image.Id, content);
    }

    /// <summary>What no index lists a prune removes without a new index.</summary>
    [Fact]
    public void A_landed_pack_that_was_removed_meanwhile_is_not_adopted()
    {
        byte[] content = JobRig.Content("abcab0d", 100);
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", content);
        _rig.Backup("/mem/a");
        Remove(StoredKind.Snapshot, StoredKind.Index);
        AtFirstRead(volume, () => Remove(StoredKind.Pack));
        ImageBackupInfo image = Backup();
        TestRepository.AssertHealthy(_rig.Repository);
        _rig.AssertRestores(image.Id, content);
    }

    /// <summary>Its index file comes when it ends, or never: then the next one that is alone adopts it.</summary>
    [Fact]
    public void A_landed_pack_of_who_is_at_work_is_not_adopted()
    {
        byte[] content = JobRig.Content("abcab0d", 100);
        _rig.Volumes.Add("/mem/a", content);
        _rig.Backup("/mem/a");
        Remove(StoredKind.Snapshot, StoredKind.Index);
        string other = TestRepository.SaveLock(_rig.Repository, _rig.Memory, DateTimeOffset.Now, "elsewhere", processId: 1, isExclusive: false);
        Assert.Equal(5, Backup().NewChunkCount);
        Remove(StoredKind.Snapshot, StoredKind.Index);
        _rig.Memory.Delete(StoredKind.Lock, other);
        Assert.Equal(0, Backup().NewChunkCount);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    /// <summary>Another backup's new index takes nothing away.</summary>
    [Fact]
    public void Another_backup_meanwhile_changes_nothing()
    {
        byte[] content = JobRig.Content("abcab0d", 100);
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", content);
        _rig.Volumes.Add("/mem/b", JobRig.Content("xyz"));
        AtFirstRead(volume, () => _rig.Backup("/mem/b"));
        ImageBackupInfo image = Backup();
        Assert.DoesNotContain(_told, line => line.Contains("begins again", StringComparison.Ordinal));
        TestRepository.AssertHealthy(_rig.Repository);
        _rig.AssertRestores(image.Id, content);
    }

    /// <summary>The first look at a volume is for its file system: before its data is copied, and before the lock has settled.</summary>
    private static void AtFirstRead(MemoryVolume volume, Action action)
    {
        int isDone = 0;
        volume.OnRead = (_, _) =>
        {
            if (Interlocked.Exchange(ref isDone, 1) == 0)
                action();
        };
    }

    private ImageBackupInfo Backup() => new BackupJob(_rig.Repository, _rig.Volumes) { WriteVerbose = _told.Add }.Run(
        new BackupRequest { Volume = _rig.Volumes.Find("/mem/a"), ChunkSizeBytes = Chunk }, null, CancellationToken.None);

    private void Remove(params StoredKind[] kinds)
    {
        foreach (StoredKind kind in kinds)
        {
            foreach (string name in _rig.Memory.Names(kind))
                _rig.Memory.Delete(kind, name);
        }
    }
}
