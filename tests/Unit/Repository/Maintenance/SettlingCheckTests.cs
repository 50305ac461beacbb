using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Maintenance;

/// <summary>A check and a repair read while their lock settles: what of that counts when it stands.</summary>
public sealed class SettlingCheckTests : IDisposable
{
    private readonly JobRig _rig = new();
    private readonly FaultyStorage _storage;
    private readonly ImageRepository _repository;

    public SettlingCheckTests()
    {
        foreach (string name in new[] { "a", "b" })
        {
            _rig.Volumes.Add("/mem/" + name, JobRig.Content(name + "xy0" + name));
            _rig.Backup("/mem/" + name);
        }
        _storage = new FaultyStorage(_rig.Memory);
        _repository = TestRepository.Open(_storage);
        _repository.LockTiming = LockTiming.Restic with { Settle = TimeSpan.FromMilliseconds(1) };
        _storage.Reset();
    }

    public void Dispose()
    {
        _repository.Dispose();
        _rig.Dispose();
    }

    private RepositoryRepairResult Repair(RepositoryRepairOptions? options = null) => _repository.Repair(options ?? new RepositoryRepairOptions(), null, CancellationToken.None);

    /// <summary>Does something at the last look at the locks but one call: all is read, and nothing is known of the lock.</summary>
    private void BeforeSettling(Action action) => Once(call => call is { Operation: StorageOperation.List, Kind: StoredKind.Lock, Number: 1 }, action);

    private void Once(Func<StorageCall, bool> when, Action action)
    {
        bool isDone = false;
        _storage.Script = call =>
        {
            if (!isDone && when(call))
            {
                isDone = true;
                action();
            }
            return null;
        };
    }

    private int Count(StorageOperation operation, StoredKind kind) => _storage.Calls.Count(call => call.Operation == operation && call.Kind == kind);

    private void LoseIndex()
    {
        foreach (string name in _rig.Memory.Names(StoredKind.Index))
            _rig.Memory.Delete(StoredKind.Index, name);
    }

    [Fact]
    public void The_structure_is_checked_before_the_lock_stands_and_once()
    {
        Assert.True(_repository.Check(readData: false, null, CancellationToken.None).IsHealthy);
        List<string> order = [.. _storage.Calls.Select(call => $"{call.Operation} {call.Kind}")];
        Assert.InRange(order.LastIndexOf("Load Snapshot"), order.IndexOf("Save Lock"), order.LastIndexOf("List Lock"));
        Assert.InRange(order.LastIndexOf("ReadAt Pack"), order.IndexOf("Save Lock"), order.LastIndexOf("List Lock"));
        Assert.Equal((2, 2), (Count(StorageOperation.Load, StoredKind.Snapshot), Count(StorageOperation.List, StoredKind.Index)));
    }

    /// <summary>Somebody whose lock came and went between our two looks has removed what was read, and its images.</summary>
    [Fact]
    public void What_was_removed_meanwhile_is_not_told_as_damage()
    {
        Once(call => call is { Operation: StorageOperation.Load, Kind: StoredKind.Snapshot, Number: 1 }, () =>
        {
            foreach (StoredKind kind in new[] { StoredKind.Snapshot, StoredKind.Index, StoredKind.Pack })
            {
                foreach (string name in _rig.Memory.Names(kind))
                    _rig.Memory.Delete(kind, name);
            }
        });
        RepositoryCheckResult result = _repository.Check(readData: true, null, CancellationToken.None);
        Assert.Empty(result.Problems);
        Assert.Equal((0, 0, 0), (result.SnapshotCount, result.PackCount, result.BlobCount));
    }

    [Fact]
    public void A_lost_index_is_read_while_the_lock_settles_and_written_when_it_stands()
    {
        LoseIndex();
        RepositoryRepairResult result = Repair();
        Assert.Equal(_rig.Memory.Names(StoredKind.Pack).Length, result.AdoptedPackCount);
        List<string> order = [.. _storage.Calls.Select(call => $"{call.Operation} {call.Kind}")];
        int settled = order.LastIndexOf("List Lock");
        Assert.InRange(order.IndexOf("ReadAt Pack"), order.IndexOf("Save Lock"), settled);
        Assert.True(order.FindIndex(call => call is "Save Index" or "Commit Index" or "Delete Index") > settled);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Theory]
    [InlineData(nameof(StoredKind.Index))]
    [InlineData(nameof(StoredKind.Pack))]
    [InlineData(nameof(StoredKind.Snapshot))]
    public void What_changed_before_the_lock_stands_is_read_again(string changed)
    {
        StoredKind kind = Enum.Parse<StoredKind>(changed);
        string image = _rig.Memory.Names(StoredKind.Snapshot)[0], pack = _rig.Memory.Names(StoredKind.Pack)[0];
        if (kind != StoredKind.Index)
            LoseIndex();
        BeforeSettling(() =>
        {
            if (kind == StoredKind.Index)
                LoseIndex();
            else
                _rig.Memory.Delete(kind, kind == StoredKind.Pack ? pack : image);
        });
        RepositoryRepairResult result = Repair();
        Assert.Equal((_rig.Memory.Names(StoredKind.Pack).Length, 0), (result.AdoptedPackCount, result.MissingPackCount));
        Assert.Equal(kind == StoredKind.Pack, result.DamagedImages.Count > 0);
        if (kind != StoredKind.Pack)
            TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void A_rival_that_locked_at_the_same_moment_is_found_before_anything_changes()
    {
        LoseIndex();
        BeforeSettling(() => TestRepository.SaveLock(_rig.Repository, _rig.Memory, DateTimeOffset.Now, "elsewhere", processId: 1, isExclusive: false));
        JobRig.AssertFails(ErrorId.RepositoryLocked, () => Repair());
        Assert.Empty(_rig.Memory.Names(StoredKind.Index));
        Assert.Single(_rig.Memory.Names(StoredKind.Lock));
    }

    /// <summary>The plan is the first reading; a header that it found, of a pack of this length, is not read by the repair that follows it.</summary>
    [Fact]
    public void A_repair_after_its_plan_reads_no_header_again()
    {
        LoseIndex();
        var options = new RepositoryRepairOptions { Headers = new Dictionary<(BlobId, long), IReadOnlyList<PackEntry>>() };
        int packCount = _rig.Memory.Names(StoredKind.Pack).Length;
        Assert.Equal(packCount, Repair(options with { IsPlan = true }).AdoptedPackCount);
        // One has become another since: of that the header is read.
        string changed = _rig.Memory.Names(StoredKind.Pack).Order(StringComparer.Ordinal).First();
        _rig.Memory.Replace(StoredKind.Pack, changed, [.. _rig.Memory.Content(StoredKind.Pack, changed), 0]);
        _storage.Reset();
        RepositoryRepairResult result = Repair(options);
        Assert.Equal((packCount - 1, 1), (result.AdoptedPackCount, result.DamagedPackCount));
        string[] read = [.. _storage.Calls.Where(call => call is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Pack }).Select(call => call.Name).Distinct()];
        Assert.Contains(changed, read);
        // Trees are read of others, to find the images that lack something; no data.
        HashSet<string> trees = [.. _rig.Repository.LoadIndex(CancellationToken.None).Entries().Where(e => e.Location.Type == BlobType.Tree).Select(e => e.Location.PackId.ToString())];
        Assert.All(read.Where(name => name != changed), name => Assert.Contains(name, trees));
    }
}
