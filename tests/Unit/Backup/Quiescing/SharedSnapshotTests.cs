using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Images.Catalog;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup.Quiescing;

/// <summary>One snapshot set for several volumes. Alone: one test ends, as far as what is held is concerned, the process.</summary>
[Collection(nameof(Alone))]
public sealed class SharedSnapshotTests : IDisposable
{
    private readonly JobRig _rig = new();
    private readonly EventCollector _events = new();
    private readonly SnapshotProviderDouble _provider;
    private readonly byte[] _a = JobRig.Content("ab0c", 100);
    private readonly byte[] _b = JobRig.Content("de");
    private readonly List<string> _told = [];

    public SharedSnapshotTests()
    {
        _provider = new SnapshotProviderDouble(_rig.Volumes) { TakesSets = true };
        _rig.Volumes.Add("/mem/a", _a, d => d with { MountPoints = ["/srv/a"] });
        _rig.Volumes.Add("/mem/b", _b);
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void One_set_is_taken_used_for_all_and_removed_once()
    {
        _provider.Warnings.Add("a writer was left out");
        _provider.CompleteWarnings.Add("a writer failed afterwards");
        using SharedSnapshots shared = Share(Request("/mem/a"), Request("/mem/b"));
        // What changes now is in neither image.
        _rig.Volumes.Add("/mem/a", new byte[_a.Length]);
        _rig.Volumes.Add("/mem/b", new byte[_b.Length]);
        ImageBackupInfo first = Run(shared, 0);
        Assert.Equal(["create", "open"], _provider.Calls);
        ImageBackupInfo second = Run(shared, 1, "a writer failed afterwards");
        Assert.Equal(["create", "open", "open", "complete True", "dispose"], _provider.Calls);
        Assert.Equal(["/mem/a", "/mem/b"], Assert.Single(_provider.Sets));
        Assert.All([first, second], image => Assert.Equal((ImageType.Snapshot, "DOUBLE", "a writer was left out"), (image.ImageType, image.SnapshotProvider, Assert.Single(OtherWarnings.OtherWarningsOf(image)))));
        Assert.Equal(first.SnapshotTime, second.SnapshotTime);
        Assert.Equal("The snapshot of /mem/a, /mem/b: a writer failed afterwards", _events.Events.Last(e => e.Id == EventId.ImageWarning).Message);
        _rig.AssertRestores(first.Id, _a);
        _rig.AssertRestores(second.Id, _b);
        shared.Dispose();
        Assert.Single(_provider.Calls, "dispose");
    }

    /// <summary>The applications' data is not all saved: they are not told that it was.</summary>
    [Fact]
    public void A_volume_that_fails_does_not_stop_the_other_and_the_set_is_removed()
    {
        _provider.OnFrozen = (volume, frozen) =>
        {
            if (volume.Name == "/mem/a")
                frozen.OnRead = (offset, _) => throw new BlockReadException(offset, 1, "a bad sector");
        };
        using SharedSnapshots shared = Share(Request("/mem/a"), Request("/mem/b"));
        JobRig.AssertFails(ErrorId.ReadFailed, () => Run(shared, 0));
        ImageBackupInfo second = Run(shared, 1);
        Assert.Equal(["create", "open", "open", "dispose"], _provider.Calls);
        _rig.AssertRestores(second.Id, _b);
    }

    [Fact]
    public void Cancelled_in_the_midst_everything_is_let_go_of()
    {
        using var stop = new CancellationTokenSource();
        MemoryVolume? copy = null;
        _provider.OnFrozen = (volume, frozen) =>
        {
            copy ??= frozen;
            frozen.OnRead = (_, _) => stop.Cancel();
        };
        using (SharedSnapshots shared = Share(Request("/mem/a"), Request("/mem/b")))
            Assert.ThrowsAny<OperationCanceledException>(() => Run(shared, 0, cancellation: stop.Token));
        Assert.Equal(["create", "open", "dispose"], _provider.Calls);
        Assert.Equal((0, 0), (copy!.OpenCount, _rig.SnapshotCount));
    }

    [Fact]
    public void Cancelled_while_the_second_set_is_taken_the_first_one_is_removed()
    {
        using var stop = new CancellationTokenSource();
        var other = new SnapshotProviderDouble(_rig.Volumes, "OTHER", 30) { TakesSets = true, OnCreate = _ => stop.Cancel() };
        _provider.Takes = volume => volume.Name == "/mem/a";
        Assert.ThrowsAny<OperationCanceledException>(() => Job(other).Share([Request("/mem/a"), Request("/mem/b")], stop.Token));
        Assert.Equal(["create", "dispose"], _provider.Calls);
        Assert.Equal(["create"], other.Calls);
    }

    [Fact]
    public void A_set_that_cannot_be_had_falls_over_volume_by_volume()
    {
        _provider.OnCreate = _ => throw new ImageBackupException(ErrorId.SnapshotFailed, "the writers hang");
        using SharedSnapshots shared = Share(Request("/mem/a"), Request("/mem/b", q => q with { Failover = ImageType.Dynamic }));
        ImageBackupInfo[] images = [Run(shared, 0), Run(shared, 1)];
        Assert.Equal([ImageType.Static, ImageType.Dynamic], images.Select(image => image.ImageType));
        Assert.All(images, image =>
        {
            Assert.Equal((true, "the writers hang"), (image.IsFailedOver, image.FailoverReason));
            Assert.Contains(image.Warnings, w => w.Contains("the writers hang", StringComparison.Ordinal));
        });
        Assert.Equal(["/mem/a", "/mem/b"], _events.Events.Where(e => e.Id == EventId.SnapshotFailed).Select(e => e.Volume!));
        Assert.Equal(2, _events.Ids.Count(id => id == EventId.ImageFailedOver));
        // It was tried once.
        Assert.Equal(["create"], _provider.Calls);
    }

    [Fact]
    public void Without_failover_it_is_each_ones_error()
    {
        _provider.OnCreate = _ => throw new ImageBackupException(ErrorId.SnapshotFailed, "the writers hang");
        using SharedSnapshots shared = Share(Request("/mem/a", q => q with { NoFailover = true }), Request("/mem/b"));
        JobRig.AssertFails(ErrorId.SnapshotFailed, () => Run(shared, 0));
        Assert.Equal(ImageType.Static, Run(shared, 1).ImageType);
    }

    [Fact]
    public void Volumes_that_no_set_can_hold_are_taken_as_ever()
    {
        var single = new SnapshotProviderDouble(_rig.Volumes, "SINGLE", 30);
        _provider.Takes = volume => volume.Name == "/mem/b";
        _rig.Volumes.Add("/mem/c", _a);
        using SharedSnapshots shared = Job(single).Share(
            [Request("/mem/a"), Request("/mem/c") with { ImageType = ImageType.Static }, Request("/mem/b"), Request("/mem/b")], CancellationToken.None);
        // What is frozen does not wait for others.
        Assert.Equal(["/mem/b", "/mem/a", "/mem/c", "/mem/b"], shared.Requests.Select(request => request.Volume.Name));
        Assert.Equal([true, false, false, false], shared.Requests.Select(request => request.TakenSnapshot is not null));
        Assert.Contains(_told, line => line == "/mem/a: SINGLE takes one volume at a time; its snapshot is taken alone.");
        Assert.Contains(_told, line => line == "/mem/b: it was named before; its snapshot is taken alone.");
        Assert.Empty(single.Calls);
        Run(shared, 0);
        Assert.Equal(["create", "open", "complete True", "dispose"], _provider.Calls);
        Assert.Equal("SINGLE", Job(single).Run(shared.Requests[1], null, CancellationToken.None).SnapshotProvider);
        Assert.Equal(["create", "open", "complete True", "dispose"], single.Calls);
    }

    [Fact]
    public void Every_provider_has_a_set_of_its_own()
    {
        var other = new SnapshotProviderDouble(_rig.Volumes, "OTHER", 30) { TakesSets = true };
        _provider.Takes = volume => volume.Name != "/mem/b";
        _rig.Volumes.Add("/mem/c", _a);
        using (SharedSnapshots shared = Job(other).Share([Request("/mem/a"), Request("/mem/b"), Request("/mem/c")], CancellationToken.None))
            Assert.Equal(["DOUBLE", "DOUBLE", "OTHER"], shared.Requests.Select(request => request.TakenSnapshot!.Set.ProviderName));
        Assert.Equal(["/mem/a", "/mem/c"], Assert.Single(_provider.Sets));
        Assert.Equal(["/mem/b"], Assert.Single(other.Sets));
        Assert.Equal(["create", "dispose"], _provider.Calls);
        Assert.Equal(["create", "dispose"], other.Calls);
    }

    [Fact]
    public void What_is_wrong_with_one_request_is_said_when_it_is_run()
    {
        using SharedSnapshots shared = Share(Request("/mem/a", q => q with { SnapshotProvider = "NOTHING" }), Request("/mem/b"));
        Assert.Equal(["/mem/b"], Assert.Single(_provider.Sets));
        JobRig.AssertFails(ErrorId.SnapshotProviderNotFound, () => Run(shared, 1));
    }

    [Fact]
    public void What_killed_runs_left_is_removed_before_and_the_largest_room_is_taken()
    {
        _provider.Orphans.Add(new OrphanSnapshot("DOUBLE", "old", "/mem/z"));
        using SharedSnapshots shared = Share(Request("/mem/a", q => q with { Snapshot = new SnapshotOptions { CacheSizePercent = 10 } }),
            Request("/mem/b", q => q with { Snapshot = new SnapshotOptions { CacheSizePercent = 30 } }));
        Assert.Equal(["remove old", "create"], _provider.Calls);
        Assert.Equal(30, _provider.Options!.CacheSizePercent);
    }

    [Fact]
    public void Each_pair_of_commands_runs_once_around_the_set()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The commands here are a Linux shell's.");
        string file = _rig.File("order");
        _rig.Volumes.Add("/mem/c", _a);
        _provider.OnCreate = _ => File.AppendAllText(file, "snapshot\n");
        using SharedSnapshots shared = Share(
            Request("/mem/a", With("stop", "start")), Request("/mem/b", q => With("lock", "unlock")(q) with { PostSnapshotCommand = $"echo unlock >> '{file}'; exit 1" }),
            Request("/mem/c", With("stop", "start")));
        Assert.Equal(["stop /mem/a /mem/c", "lock /mem/b", "snapshot", "unlock", "start /mem/a /mem/c"], File.ReadAllLines(file));
        // The data of all was taken with it hanging.
        Assert.All([0, 1, 2], i => Assert.Contains(Run(shared, i).Warnings, w => w.Contains("command after the snapshot failed", StringComparison.Ordinal)));

        Func<QuiesceOptions, QuiesceOptions> With(string before, string after) => quiet => quiet with
        {
            PreSnapshotCommand = $"echo {before} $IMAGEBACKUP_VOLUMES >> '{file}'",
            PostSnapshotCommand = $"echo {after} $IMAGEBACKUP_VOLUMES >> '{file}'",
        };
    }

    [Fact]
    public void A_first_command_that_fails_stops_the_whole_set_and_what_was_begun_is_ended()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The commands here are a Linux shell's.");
        string file = _rig.File("order");
        _rig.Volumes.Add("/mem/c", _a);
        using SharedSnapshots shared = Share(
            Request("/mem/a", q => q with { PreSnapshotCommand = "true", PostSnapshotCommand = $"echo a >> '{file}'" }),
            Request("/mem/b", q => q with { PreSnapshotCommand = "false", PostSnapshotCommand = $"echo b >> '{file}'" }),
            Request("/mem/c", q => q with { PreSnapshotCommand = "true", PostSnapshotCommand = $"echo c >> '{file}'" }));
        Assert.Equal(["b", "a"], File.ReadAllLines(file));
        Assert.All([0, 1, 2], i => JobRig.AssertFails(ErrorId.SnapshotCommandFailed, () => Run(shared, i)));
        Assert.Empty(_provider.Calls);
        Assert.Equal(0, _rig.SnapshotCount);
    }

    private BackupJob Job(params SnapshotProviderDouble[] more) =>
        new(_rig.Repository, _rig.Volumes, new SnapshotProviders([_provider, .. more]), new EventLog([_events])) { WriteVerbose = _told.Add };

    private SharedSnapshots Share(params BackupRequest[] requests) => Job().Share(requests, CancellationToken.None);

    /// <summary>As a caller does it.</summary>
    private ImageBackupInfo Run(SharedSnapshots shared, int index, string? warning = null, CancellationToken cancellation = default)
    {
        BackupRequest request = shared.Requests[index];
        bool succeeded = false;
        try
        {
            ImageBackupInfo image = Job().Run(request, null, cancellation);
            succeeded = true;
            return image;
        }
        finally
        {
            Assert.Equal(warning is null ? [] : [warning], shared.End(request, succeeded));
        }
    }

    private BackupRequest Request(string volume, Func<QuiesceOptions, QuiesceOptions>? change = null)
    {
        var quiesce = new QuiesceOptions { Plan = new QuiescePolicy(1, false), IdleWait = TimeSpan.FromMilliseconds(1) };
        return new BackupRequest
        {
            Volume = _rig.Volumes.Find(volume),
            ChunkSizeBytes = JobRig.ChunkBytes,
            ImageType = ImageType.Snapshot,
            Quiesce = change?.Invoke(quiesce) ?? quiesce,
        };
    }
}
