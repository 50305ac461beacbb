using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Removal;

/// <summary>Images that go, and what says that they may.</summary>
public sealed class RemoveJobTests : IDisposable
{
    private readonly JobRig _rig = new(TestRepository.NewQuickStorage());

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void The_snapshots_file_is_the_commit_point_and_its_going_is_made_durable()
    {
        string[] ids = [Backup("/mem/a", "ab"), Backup("/mem/a", "cd"), Backup("/mem/b", "ef")];
        _rig.Storage.Reset();
        Assert.Equal(ids.Take(2), new RemoveJob(_rig.Repository).Remove(ids.Take(2).ToList(), null, null, CancellationToken.None));
        List<StorageCall> calls = _rig.Storage.Calls.ToList();
        Assert.Equal(2, calls.Count(c => c is { Operation: StorageOperation.Delete, Kind: StoredKind.Snapshot }));
        Assert.True(calls.FindIndex(c => c.Operation == StorageOperation.SyncDeletions) > calls.FindLastIndex(c => c is { Operation: StorageOperation.Delete, Kind: StoredKind.Snapshot }));
        Assert.DoesNotContain(calls, c => c is { Kind: StoredKind.Pack, Operation: StorageOperation.Delete });
        _rig.AssertRestores(ids[2], JobRig.Content("ef"));
        // Again: gone already is not an error.
        Assert.Empty(new RemoveJob(_rig.Repository).Remove(ids.Take(2).ToList(), null, null, CancellationToken.None));
        Assert.Empty(_rig.Memory.Names(StoredKind.Lock));
    }

    [Fact]
    public void Not_while_somebody_else_is_at_work()
    {
        string id = Backup("/mem/a", "ab");
        using (_rig.Repository.Lock(isExclusive: false, CancellationToken.None))
            JobRig.AssertFails(ErrorId.RepositoryLocked, () => new RemoveJob(_rig.Repository).Remove([id], null, null, CancellationToken.None));
        Assert.Equal([id], _rig.Memory.Names(StoredKind.Snapshot));
    }

    [Fact]
    public void Killed_at_any_call_each_image_is_whole_or_gone()
    {
        string[] ids = [Backup("/mem/a", "ab"), Backup("/mem/b", "cd"), Backup("/mem/c", "abcd")];
        MemoryStorage good = _rig.Memory.Clone();
        for (int killed = 0; ; killed++)
        {
            using var rig = new JobRig(good.Clone());
            int calls = 0, at = killed;
            rig.Storage.Script = _ => Interlocked.Increment(ref calls) - 1 >= at ? new StorageFault(StorageProblem.WriteError, FaultMoment.Before) : null;
            try
            {
                new RemoveJob(rig.Repository).Remove(ids.Take(2).ToList(), null, null, CancellationToken.None);
            }
            catch (ImageBackupException)
            {
            }
            int made = calls;
            rig.Storage.Reset();
            rig.Repository.RemoveLocks(all: true, CancellationToken.None);
            TestRepository.AssertHealthy(rig.Repository);
            Assert.Contains(ids[2], rig.Memory.Names(StoredKind.Snapshot));
            foreach (string id in rig.Memory.Names(StoredKind.Snapshot))
                Assert.True(rig.Verify(id).IsWhole);
            if (made <= killed)
                break;
        }
    }

    /// <summary>Between the look and the lock things may have changed: what is no longer expired stays.</summary>
    [Fact]
    public void Only_what_is_expired_under_the_lock_goes()
    {
        var now = new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);
        string[] ids = [Save("/mem/a", now.AddDays(-40)), Save("/mem/a", now.AddDays(-35)), Save("/mem/a", now.AddDays(-1))];
        var retention = new ImageRetention { Now = now };
        Assert.Equal([true, false, false], List(retention).Select(i => i.IsExpired));
        Assert.Equal([ids[0]], new RemoveJob(_rig.Repository).Remove(ids, retention, null, CancellationToken.None));
        Assert.Equal(ids.Skip(1).Order(StringComparer.Ordinal), _rig.Memory.Names(StoredKind.Snapshot).Order(StringComparer.Ordinal));
        Assert.Equal([ids[1]], new RemoveJob(_rig.Repository).Remove(ids, retention with { Now = now.AddDays(40) }, null, CancellationToken.None));
    }

    [Fact]
    public void A_statement_is_no_image_and_survives_all_but_the_last_image_of_its_volume()
    {
        string[] a = [Backup("/mem/a", "ab"), Backup("/mem/a", "cd")];
        string b = Backup("/mem/b", "ef");
        Assert.Equal(2, List(null).Count(i => i.IsActive));
        var job = new RemoveJob(_rig.Repository);
        job.State(new VolumeRemoval("/mem/a", Environment.MachineName, DateTimeOffset.Now), CancellationToken.None);
        Assert.Equal([b], List(null).Where(i => i.IsActive).Select(i => i.Id));
        Assert.Equal(3, List(null).Count);
        Assert.Equal(4, _rig.SnapshotCount);
        _rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None);
        TestRepository.AssertHealthy(_rig.Repository);
        job.Remove([a[0]], null, null, CancellationToken.None);
        Assert.Equal(3, _rig.SnapshotCount);
        Assert.False(List(null).Single(i => i.Id == a[1]).IsActive);
        job.Remove([a[1]], null, null, CancellationToken.None);
        Assert.Equal([b], _rig.Memory.Names(StoredKind.Snapshot));
    }

    [Fact]
    public void A_statement_that_says_nothing_any_more_leaves_the_volume_present()
    {
        string image = Backup("/mem/a", "ab");
        foreach (byte[]? summary in new[] { null, "{}"u8.ToArray(), "{\"removed\":1}"u8.ToArray(), "{\"removed\":2,\"volume\":\"/mem/a\",\"computerName\":\"x\",\"removedAt\":\"2026-01-01T00:00:00Z\"}"u8.ToArray(), "{\"removed\":1,\"volume\":7,\"computerName\":[],\"removedAt\":\"never\"}"u8.ToArray() })
        {
            SnapshotRecord statement = RemovalRecord.Make(new VolumeRemoval("/mem/a", Environment.MachineName, DateTimeOffset.Now), default) with { Summary = summary };
            Assert.True(RemovalRecord.Is(statement));
            Assert.Null(RemovalRecord.Read(statement));
        }
        Assert.Equal([image], List(null).Where(i => i.IsActive).Select(i => i.Id));
        var removal = new VolumeRemoval("D:", "server", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(1)));
        Assert.Equal(removal, RemovalRecord.Read(SnapshotRecord.Read(RemovalRecord.Make(removal, BlobId.Of([1])).Write())));
    }

    [Fact]
    public void Whose_classes_judge_whose_images()
    {
        var now = new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);
        foreach (string computer in new[] { "here", "there" })
        {
            Save("/a", now.AddDays(-20), computer, "GOLD", recordedDays: 5);
            Save("/a", now.AddDays(-10), computer, "GOLD", recordedDays: 5);
        }
        ManagementClassDocument Gold(int days) => ManagementClassDocument.Empty.Set(new ManagementClass { Name = "GOLD", Retention = new RetentionValues { RetainExtraDays = days } });
        (int? Here, int? There) Days(ImageRetention retention)
        {
            List<ImageBackupInfo> images = List(retention with { Now = now, ComputerName = "here" });
            int? Of(string computer) => images.First(i => i.ComputerName == computer) is { ExpiresAt: { } at } first ? (int)(at - first.InactiveSince!.Value).TotalDays : null;
            return (Of("here"), Of("there"));
        }
        Assert.Equal((5, 5), Days(new ImageRetention()));
        Assert.Equal((7, 5), Days(new ImageRetention { MachineClasses = Gold(7) }));
        Assert.Equal((9, 9), Days(new ImageRetention { MachineClasses = Gold(7), EnforcedClasses = Gold(9) }));
        Assert.Equal((9, 9), Days(new ImageRetention { EnforcedClasses = Gold(9) }));
        Assert.Equal((5, 5), Days(new ImageRetention { MachineClasses = ManagementClassDocument.Empty, EnforcedClasses = ManagementClassDocument.Empty }));
    }

    /// <summary>Rescue media often has no clock: the newest image is still the one that is shown.</summary>
    [Fact]
    public void A_clock_that_is_wrong_hides_no_image()
    {
        var taken = new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);
        string old = Save("/a", taken), newest = Save("/a", taken.AddDays(5));
        List<ImageBackupInfo> images = List(new ImageRetention { Now = taken.AddYears(-20) });
        Assert.Equal([newest], images.Where(i => i.IsActive).Select(i => i.Id));
        Assert.All(images, i => Assert.Equal((false, RetentionReason.FutureTime), (i.IsExpired, i.ExpiryReason!.Value)));
        // And an image of a forged time hides no good one.
        images = List(new ImageRetention { Now = taken });
        Assert.Equal([old, newest], images.Where(i => i.IsActive).Select(i => i.Id));
    }

    private string Backup(string volume, string pattern)
    {
        _rig.Volumes.Add(volume, JobRig.Content(pattern));
        return _rig.Backup(volume).Id;
    }

    private List<ImageBackupInfo> List(ImageRetention? retention) =>
        [.. new ImageCatalog(_rig.Repository).List(new ImageFilter { IncludeInactive = true, Retention = retention },
            e => Assert.Equal(ErrorId.ImageTimeImpossible, Assert.IsType<ImageBackupException>(e).Id), CancellationToken.None)];

    /// <summary>An image's snapshot alone, of any time.</summary>
    private string Save(string volume, DateTimeOffset time, string computer = "host", string managementClass = "STANDARD", int recordedDays = 30)
    {
        var metadata = new ImageMetadata
        {
            VolumeName = volume,
            SizeBytes = 1,
            Start = time,
            ManagementClass = managementClass,
            Retention = new RetentionValues { RetainExtraDays = recordedDays },
        };
        var snapshot = new SnapshotRecord
        {
            Time = time,
            Tree = BlobId.Of([1]),
            Paths = [volume],
            HostName = computer,
            Tags = [ImageTag.Name],
            Summary = ImageMetadataJson.WriteSummary(metadata),
        };
        return _rig.Repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), 2, _rig.Repository.Sealers);
    }
}
