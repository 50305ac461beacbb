using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup.Quiescing;

public sealed class QuiescingTests : IDisposable
{
    private readonly JobRig _rig = new();
    private readonly EventCollector _events = new();
    private readonly SnapshotProviderDouble _provider;
    private readonly byte[] _content = JobRig.Content("ab0c", 100);
    private readonly List<string> _told = [];

    public QuiescingTests()
    {
        _provider = new SnapshotProviderDouble(_rig.Volumes);
        _rig.Volumes.Add("/mem/a", _content, d => d with { MountPoints = ["/srv/a"] });
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void A_snapshot_is_taken_where_nobody_asks_and_a_provider_can()
    {
        _provider.Documents.Add(new SnapshotDocument("writers.xml", SeededBytes.Make(1, 5000)));
        _provider.Warnings.Add("a writer was left out");
        _provider.CompleteWarnings.Add("a writer failed afterwards");
        ImageBackupInfo image = Backup(null);
        Assert.Equal((ImageType.Snapshot, false, "DOUBLE", null, null), (image.ImageType, image.IsFuzzy, image.SnapshotProvider, image.RequestedImageType, image.FailoverReason));
        Assert.Equal((1000, 10), (image.SnapshotCacheBytes, image.SnapshotCacheUsedBytes));
        Assert.Equal(new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero).LocalDateTime, image.SnapshotTime);
        Assert.Equal(["a writer was left out", "a writer failed afterwards"], OtherWarnings.OtherWarningsOf(image));
        Assert.Equal(["create", "open", "complete True", "dispose"], _provider.Calls);
        Assert.Equal([EventId.SnapshotTaken, EventId.ImageTaken, EventId.ImageWarning, EventId.ImageWarning, EventId.ImageWarning], _events.Ids);
        _rig.AssertRestores(image.Id, _content);
        Assert.Contains(_rig.Memory.Names(StoredKind.Snapshot), name => name == image.Id);
        ImageBackupInfo listed = Assert.Single(new ImageCatalog(_rig.Repository).List(new ImageFilter(), null, CancellationToken.None));
        Assert.Equal((image.SnapshotProvider, image.SnapshotTime, image.SnapshotCacheUsedBytes), (listed.SnapshotProvider, listed.SnapshotTime, listed.SnapshotCacheUsedBytes));
    }

    [Fact]
    public void What_is_written_meanwhile_is_not_in_a_snapshot()
    {
        _provider.State = _ =>
        {
            _rig.Volumes.Add("/mem/a", new byte[_content.Length], d => d with { MountPoints = ["/srv/a"] });
            return new SnapshotState { IsValid = true };
        };
        _rig.AssertRestores(Backup(ImageType.Snapshot).Id, _content);
    }

    [Theory]
    [InlineData(false, ImageType.Static)]
    [InlineData(true, ImageType.Dynamic)]
    public void A_snapshot_that_fails_falls_over_as_the_class_allows(bool isDynamic, ImageType type)
    {
        _provider.OnCreate = _ => throw new ImageBackupException(ErrorId.SnapshotFailed, "no room in the group");
        ImageBackupInfo image = Backup(ImageType.Snapshot, Quick(1) with { Failover = type });
        Assert.Equal((type, isDynamic, true, null), (image.ImageType, image.IsFuzzy, image.IsFailedOver, image.SnapshotProvider));
        Assert.Equal("no room in the group", image.FailoverReason);
        Assert.Contains(image.Warnings, w => w.Contains($"so the image is {type}: no room in the group", StringComparison.Ordinal));
        Assert.Equal(ImageType.Snapshot, image.RequestedImageType);
        Assert.Contains(EventId.SnapshotFailed, _events.Ids);
        Assert.Contains(EventId.ImageFailedOver, _events.Ids);
        Assert.Equal(0, _rig.Volumes.QuiescedCount);
    }

    [Fact]
    public void Without_failover_it_is_an_error()
    {
        _provider.OnCreate = _ => throw new ImageBackupException(ErrorId.SnapshotFailed, "no room in the group");
        JobRig.AssertFails(ErrorId.SnapshotFailed, () => Backup(ImageType.Snapshot, Quick(1) with { NoFailover = true }));
        _provider.VolumeWhyNot = "it is none of mine";
        JobRig.AssertFails(ErrorId.SnapshotUnavailable, () => Backup(ImageType.Snapshot, Quick(1) with { NoFailover = true }));
        Assert.Equal(0, _rig.SnapshotCount);
        Assert.Equal(2, _events.Ids.Count(id => id == EventId.BackupFailed));
    }

    [Fact]
    public void No_provider_can_and_nobody_asked_is_no_failover()
    {
        _provider.MachineWhyNot = "not here";
        ImageBackupInfo image = Backup(null);
        Assert.Equal((ImageType.Static, false, false), (image.ImageType, image.IsFailedOver, image.IsFuzzy));
        Assert.Empty(OtherWarnings.OtherWarningsOf(image));
        Assert.Equal("held exclusively", image.QuiescedBy);
        Assert.True(Backup(ImageType.Snapshot).IsFailedOver);
    }

    [Fact]
    public void The_provider_is_chosen_by_name_or_by_preference()
    {
        var second = new SnapshotProviderDouble(_rig.Volumes, "FIRST", 10);
        var providers = new SnapshotProviders([_provider, second]);
        Assert.Equal("FIRST", providers.Choose(_rig.Volumes.Find("/mem/a"), null, new SnapshotOptions()).Provider?.Name);
        Assert.Equal("DOUBLE", providers.Choose(_rig.Volumes.Find("/mem/a"), "double", new SnapshotOptions()).Provider?.Name);
        Assert.Equal("snapshots are turned off", providers.Choose(_rig.Volumes.Find("/mem/a"), "none", new SnapshotOptions()).WhyNot);
        JobRig.AssertFails(ErrorId.SnapshotProviderNotFound, () => providers.Choose(_rig.Volumes.Find("/mem/a"), "X", new SnapshotOptions()));
        second.VolumeWhyNot = "no";
        Assert.Equal("DOUBLE", providers.Choose(_rig.Volumes.Find("/mem/a"), null, new SnapshotOptions()).Provider?.Name);
        _provider.MachineWhyNot = "none either";
        Assert.Equal("FIRST: no; DOUBLE: none either", providers.Choose(_rig.Volumes.Find("/mem/a"), null, new SnapshotOptions()).WhyNot);
    }

    /// <summary>The watch sees it while the copy runs, and the last question after the last byte.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_snapshot_that_is_lost_gives_no_image(bool whileCopying)
    {
        var lost = new SnapshotState { IsValid = false, Fault = "its room is full" };
        _provider.State = _ => lost;
        if (whileCopying)
        {
            // Reading waits until the watch has asked.
            using var asked = new ManualResetEventSlim();
            _provider.State = _ =>
            {
                asked.Set();
                return lost;
            };
            _provider.OnCreate = _ => { };
            ImageBackupException e = Assert.Throws<ImageBackupException>(() => Backup(ImageType.Snapshot, progress: _ => asked.Wait()));
            Assert.Equal(ErrorId.SnapshotInvalid, e.Id);
        }
        else
        {
            JobRig.AssertFails(ErrorId.SnapshotInvalid, () => Backup(ImageType.Snapshot));
        }
        Assert.Equal(0, _rig.SnapshotCount);
        Assert.Equal("dispose", _provider.Calls[^1]);
        Assert.DoesNotContain("complete True", _provider.Calls);
        Assert.Contains(EventId.SnapshotInvalid, _events.Ids);
    }

    /// <summary>A lost snapshot shows itself as unreadable blocks, which must not be taken for a bad disk.</summary>
    [Fact]
    public void Unreadable_blocks_of_a_lost_snapshot_are_the_snapshots_fault()
    {
        _provider.State = _ => new SnapshotState { IsValid = false, Fault = "overflow" };
        _provider.OnCreate = _ => { };
        var broken = new BrokenOnceFrozen(_provider, _rig.Volumes);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => Backup(ImageType.Snapshot, provider: broken));
        Assert.Equal(ErrorId.SnapshotInvalid, e.Id);
        Assert.Contains("overflow", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(3, 2)]
    public void A_busy_volume_is_tried_again_and_then_refused(int attempts, int waits)
    {
        _rig.Volumes.OnQuiesce = (volume, _) => throw new ImageBackupException(ErrorId.VolumeInUse, "in use by vi (12: /srv/a/x)", volume.Name);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => Backup(ImageType.Static, Quick(attempts)));
        Assert.Equal((ErrorId.VolumeInUse, "in use by vi (12: /srv/a/x)"), (e.Id, e.Message));
        Assert.Equal((attempts, waits), (_rig.Volumes.QuiesceAttempts, _events.Ids.Count(id => id == EventId.VolumeBusy)));
        Assert.Contains(EventId.VolumeInUse, _events.Ids);
        Assert.Equal(0, _rig.SnapshotCount);
    }

    [Fact]
    public void A_volume_that_is_quiesced_in_the_third_wait_is_taken()
    {
        _rig.Volumes.OnQuiesce = (volume, attempt) =>
        {
            if (attempt <= 3)
                throw new ImageBackupException(ErrorId.VolumeInUse, "in use", volume.Name);
        };
        ImageBackupInfo image = Backup(ImageType.Static, Quick(5));
        Assert.Equal((ImageType.Static, false, 4), (image.ImageType, image.IsFuzzy, _rig.Volumes.QuiesceAttempts));
        Assert.Empty(OtherWarnings.OtherWarningsOf(image));
        Assert.Equal(0, _rig.Volumes.QuiescedCount);
    }

    [Theory]
    [InlineData(2, 2)]
    [InlineData(0, 0)]
    public void Where_the_class_ends_so_the_last_attempt_takes_it_as_it_is(int attempts, int tried)
    {
        _rig.Volumes.OnQuiesce = (volume, _) => throw new ImageBackupException(ErrorId.VolumeInUse, "in use", volume.Name);
        ImageBackupInfo image = Backup(ImageType.Static, Quick(attempts, endsDynamic: true));
        Assert.Equal((ImageType.Dynamic, true, tried), (image.ImageType, image.IsFuzzy, _rig.Volumes.QuiesceAttempts));
        Assert.Contains(image.Warnings, w => w.Contains("could not be quiesced", StringComparison.Ordinal));
        Assert.Contains(EventId.ImageFuzzy, _events.Ids);
    }

    /// <summary>Waiting would change nothing.</summary>
    [Fact]
    public void A_volume_that_the_system_needs_is_not_waited_for()
    {
        _rig.Volumes.OnQuiesce = (volume, _) => throw new ImageBackupException(ErrorId.VolumeNeeded, "the system is on it", volume.Name);
        JobRig.AssertFails(ErrorId.VolumeNeeded, () => Backup(ImageType.Static, Quick(5)));
        Assert.Equal(1, _rig.Volumes.QuiesceAttempts);
    }

    [Fact]
    public void A_wait_can_be_cancelled()
    {
        using var stop = new CancellationTokenSource();
        _rig.Volumes.OnQuiesce = (volume, attempt) =>
        {
            if (attempt == 2)
                stop.Cancel();
            throw new ImageBackupException(ErrorId.VolumeInUse, "in use", volume.Name);
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Backup(ImageType.Static, Quick(9) with { IdleWait = TimeSpan.FromMilliseconds(1) }, cancellation: stop.Token));
        Assert.Equal(2, _rig.Volumes.QuiesceAttempts);
    }

    [Fact]
    public void A_volume_that_did_not_stay_quiesced_gives_no_image()
    {
        _rig.Volumes.Disturbance = () => "another program remounted it writable";
        JobRig.AssertFails(ErrorId.VolumeChanged, () => Backup(ImageType.Static));
        Assert.Equal((0, 0), (_rig.SnapshotCount, _rig.Volumes.QuiescedCount));
    }

    [Fact]
    public void A_volume_that_could_not_be_put_back_is_told_of()
    {
        _rig.Volumes.NotPutBack = ["'/mem/a' is still read-only."];
        ImageBackupInfo image = Backup(ImageType.Static);
        Assert.Contains("'/mem/a' is still read-only.", image.Warnings);
        Assert.Contains(EventId.VolumeNotPutBack, _events.Ids);
    }

    [Theory]
    [InlineData("read")]
    [InlineData("cancel")]
    [InlineData("storage")]
    public void A_quiesced_volume_is_put_back_on_every_way_out(string what)
    {
        using var stop = new CancellationTokenSource();
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", _content, d => d with { MountPoints = ["/srv/a"] });
        volume.OnRead = (offset, _) =>
        {
            if (what == "cancel")
                stop.Cancel();
            else if (what == "read" && offset >= JobRig.ChunkBytes)
                throw new BlockReadException(offset, 1, "a bad sector");
        };
        if (what == "storage")
        if (what == "storage")
            _rig.Storage.Script = call => call.Operation == StorageOperation.Append ? new StorageFault(StorageProblem.Full, FaultMoment.Before) : null;
        Assert.ThrowsAny<Exception>(() => Backup(ImageType.Static, cancellation: stop.Token));
        Assert.Equal((0, 0), (_rig.Volumes.QuiescedCount, volume.OpenCount));
    }

    [Fact]
    public void What_killed_runs_left_is_removed_and_named_before_anything_is_taken()
    {
        _rig.Volumes.LeftQuiesced = ["'/mem/z' is writable again."];
        _provider.Orphans.Add(new OrphanSnapshot("DOUBLE", "vg/old", "/mem/z"));
        _provider.Orphans.Add(new OrphanSnapshot("DOUBLE", "vg/stuck", "/mem/z"));
        _provider.RemoveFails = leftover => leftover.Name == "vg/stuck" ? new ImageBackupException(ErrorId.SnapshotFailed, "stuck") : null;
        Backup(null);
        Assert.Equal(["remove vg/old", "remove vg/stuck", "create"], _provider.Calls.Take(3));
        Assert.Equal([EventId.OrphanVolumePutBack, EventId.OrphanSnapshotRemoved, EventId.SnapshotNotRemoved], _events.Ids.Take(3));
        Assert.Contains(_told, line => line.Contains("vg/old", StringComparison.Ordinal));
    }

    [Fact]
    public void A_copy_of_the_callers_is_read_and_left_alone()
    {
        using (ISnapshotSet set = _provider.Create([_rig.Volumes.Find("/mem/a")], new SnapshotOptions(), _ => { }, CancellationToken.None))
        {
            ImageBackupInfo image = Backup(null, new QuiesceOptions { PreSnapshotCommand = "exit 1" }, taken: new TakenSnapshot(set, set.Snapshots[0]));
            Assert.Equal((ImageType.Snapshot, "DOUBLE"), (image.ImageType, image.SnapshotProvider));
            Assert.Equal(["create", "open"], _provider.Calls);
        }
    }

    [Fact]
    public void Commands_run_before_and_after_the_snapshot()
    {
        string file = _rig.File("order");
        _provider.OnCreate = _ => File.AppendAllText(file, "snapshot\n");
        Backup(null, Quick(1) with { PreSnapshotCommand = $"echo before $IMAGEBACKUP_VOLUME $IMAGEBACKUP_MOUNTPOINT >> '{file}'; echo stopped", PostSnapshotCommand = $"echo after >> '{file}'" });
        Assert.Equal(["before /mem/a /srv/a", "snapshot", "after"], File.ReadAllLines(file));
        LoggedEvent run = _events.Events.First(e => e.Id == EventId.CommandRun);
        Assert.Contains("stopped", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_command_failing_stops_the_backup_and_the_second_one_runs()
    {
        string file = _rig.File("order");
        ImageBackupException e = Assert.Throws<ImageBackupException>(() =>
            Backup(null, Quick(1) with { PreSnapshotCommand = "echo no database >&2; exit 3", PostSnapshotCommand = $"echo after >> '{file}'" }));
        Assert.Equal(ErrorId.SnapshotCommandFailed, e.Id);
        Assert.Contains("3: no database", e.Message, StringComparison.Ordinal);
        Assert.Equal(["after"], File.ReadAllLines(file));
        Assert.Empty(_provider.Calls);
        Assert.Equal(0, _rig.SnapshotCount);
        Assert.Contains(EventId.PreSnapshotCommandFailed, _events.Ids);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_second_command_failing_warns(bool snapshotFails)
    {
        if (snapshotFails)
            _provider.OnCreate = _ => throw new ImageBackupException(ErrorId.SnapshotFailed, "no");
        ImageBackupInfo image = Backup(ImageType.Snapshot, Quick(1) with { PostSnapshotCommand = "echo it hangs; exit 1" });
        Assert.Equal(snapshotFails ? ImageType.Static : ImageType.Snapshot, image.ImageType);
        Assert.Contains(image.Warnings, w => w.Contains("The command after the snapshot failed", StringComparison.Ordinal));
        Assert.Contains("it hangs", _events.Events.First(e => e.Id == EventId.PostSnapshotCommandFailed).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_that_takes_too_long_is_ended()
    {
        ImageBackupException e = Assert.Throws<ImageBackupException>(() =>
            Backup(null, Quick(1) with { PreSnapshotCommand = "sleep 600", CommandTimeout = TimeSpan.FromMilliseconds(300) }));
        Assert.Equal(ErrorId.SnapshotCommandFailed, e.Id);
        Assert.Contains("took longer than", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_would_be_done_is_told_beforehand()
    {
        var job = new BackupJob(_rig.Repository, _rig.Volumes, new SnapshotProviders([_provider]));
        var request = new BackupRequest { Volume = _rig.Volumes.Find("/mem/a") };
        Assert.Equal((ImageType.Snapshot, "DOUBLE", null), Shape(job.Plan(request)));
        Assert.Equal((ImageType.Dynamic, null, null), Shape(job.Plan(request with { ImageType = ImageType.Dynamic })));
        _provider.VolumeWhyNot = "it is none of mine";
        Assert.Equal((ImageType.Static, null, null), Shape(job.Plan(request)));
        Assert.Equal((ImageType.Static, null, "DOUBLE: it is none of mine"), Shape(job.Plan(request with { ImageType = ImageType.Snapshot })));
        Assert.Empty(_provider.Calls);

        static (ImageType, string?, string?) Shape(BackupPreview plan) => (plan.Type, plan.Provider, plan.FailoverReason);
    }

    [Theory]
    [InlineData(SerializationMode.Static, null, null, 1, false)]
    [InlineData(SerializationMode.Static, null, 7, 1, false)]
    [InlineData(SerializationMode.Static, 2, null, 3, false)]
    [InlineData(SerializationMode.ShrStatic, null, null, 5, false)]
    [InlineData(SerializationMode.ShrStatic, null, 7, 8, false)]
    [InlineData(SerializationMode.ShrStatic, 2, 7, 3, false)]
    [InlineData(SerializationMode.ShrDynamic, null, null, 4, true)]
    [InlineData(SerializationMode.ShrDynamic, null, 7, 7, true)]
    [InlineData(SerializationMode.Dynamic, null, 7, 0, true)]
    public void Attempts_follow_from_class_command_and_machine(SerializationMode mode, int? command, int? machine, int attempts, bool endsDynamic)
    {
        var document = ManagementClassDocument.Empty.Set(new ManagementClass { Name = "STANDARD", Serialization = mode });
        var policy = new ImagePolicy(RuleDocument.Parse("", "/etc/x.rules", new RuleParseOptions { IsWindows = false }), null, new ManagementClassCatalog(document));
        var volume = new ImageVolume(_rig.Volumes.Find("/mem/a")!);
        VolumePlan plan = VolumePlan.Make(policy, volume, ImageOptions.Empty with { IdleRetries = command, ImageType = ImageType.Snapshot }, null, _ => null);
        var quiet = QuiesceOptions.From(plan, SnapshotDefaults.Empty with { IdleRetries = machine, IdleWait = TimeSpan.FromSeconds(3), CacheSizePercent = 15, Provider = "DOUBLE" });
        Assert.Equal(new QuiescePolicy(attempts, endsDynamic), quiet.Plan);
        Assert.Equal((TimeSpan.FromSeconds(3), 15, "DOUBLE"), (quiet.IdleWait, quiet.Snapshot.CacheSizePercent, quiet.SnapshotProvider));
        Assert.Equal(mode == SerializationMode.Dynamic ? ImageType.Dynamic : ImageType.Static, quiet.Failover);
    }

    private static QuiesceOptions Quick(int attempts, bool endsDynamic = false) => new() { Plan = new QuiescePolicy(attempts, endsDynamic), IdleWait = TimeSpan.FromMilliseconds(1) };

    private ImageBackupInfo Backup(ImageType? type, QuiesceOptions? quiesce = null, Action<JobProgress>? progress = null, ISnapshotProvider? provider = null, TakenSnapshot? taken = null,
        CancellationToken cancellation = default)
    {
        var job = new BackupJob(_rig.Repository, _rig.Volumes, new SnapshotProviders([provider ?? _provider]), new EventLog([_events])) { WriteVerbose = _told.Add };
        var request = new BackupRequest { Volume = _rig.Volumes.Find("/mem/a"), ChunkSizeBytes = JobRig.ChunkBytes, ImageType = type, Quiesce = quiesce ?? Quick(1), TakenSnapshot = taken };
        return job.Run(request, progress is null ? null : new Progress(progress), cancellation);
    }

    private sealed class Progress(Action<JobProgress> report) : IProgress<JobProgress>
    {
        public void Report(JobProgress value) => report(value);
    }

    /// <summary>Its copies cannot be read.</summary>
    private sealed class BrokenOnceFrozen(SnapshotProviderDouble inner, VolumeDouble volumes) : ISnapshotProvider
    {
        public string Name => inner.Name;
        public string Description => inner.Description;
        public int Preference => inner.Preference;
        public bool TakesSets => false;

        public SnapshotSupport CheckMachine(SnapshotOptions options) => SnapshotSupport.Usable;

        public SnapshotSupport CheckVolume(VolumeDescription volume, SnapshotOptions options) => SnapshotSupport.Usable;

        public ISnapshotSet Create(IReadOnlyList<VolumeDescription> taken, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
        {
            ISnapshotSet set = inner.Create(taken, options, log, cancellation);
            byte[] bytes = SeededBytes.Make(3, (int)taken[0].SizeBytes);
            MemoryVolume frozen = volumes.Add(set.Snapshots[0].DevicePath, bytes);
            frozen.OnRead = (offset, _) => throw new BlockReadException(offset, 1, "no such exception");
            return new Rewired(set, frozen);
        }

        public IReadOnlyList<OrphanSnapshot> FindOrphans() => [];

        public void Remove(OrphanSnapshot leftover, Action<string> log) => throw new NotSupportedException();

        private sealed class Rewired(ISnapshotSet set, MemoryVolume frozen) : ISnapshotSet, ISnapshot
        {
            public string ProviderName => set.ProviderName;
            public DateTimeOffset Time => set.Time;
            public IReadOnlyList<ISnapshot> Snapshots => [this];
            public IReadOnlyList<SnapshotDocument> Documents => [];
            public IReadOnlyList<string> Warnings => [];
            public VolumeDescription Volume => set.Snapshots[0].Volume;
            public string DevicePath => set.Snapshots[0].DevicePath;

            public IReadOnlyList<string> Complete(bool succeeded) => [];

            public IBlockReader OpenRead() => frozen.OpenReader();

            public SnapshotState QueryState() => set.Snapshots[0].QueryState();

            public void Dispose() => set.Dispose();
        }
    }
}
