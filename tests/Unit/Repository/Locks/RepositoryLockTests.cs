using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Locks;

public sealed class RepositoryLockTests : IDisposable
{
    private readonly MemoryStorage _memory = TestRepository.NewStorage();
    private readonly FaultyStorage _storage;
    private readonly ImageRepository _repository;
    private readonly LockDirectory _directory;

    public RepositoryLockTests()
    {
        _storage = new FaultyStorage(_memory);
        _repository = TestRepository.Open(_storage);
        _directory = new LockDirectory(_repository.Files, _repository.Sealers, 2);
    }

    public void Dispose() => _repository.Dispose();

    [Theory]
    [InlineData(false, false, true)]
    [InlineData(false, true, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, false)]
    public void Who_goes_with_whom(bool first, bool second, bool together)
    {
        using RepositoryLock held = _repository.Lock(first, CancellationToken.None);
        Assert.Equal(1, Count);
        if (together)
        {
            using RepositoryLock other = _repository.Lock(second, CancellationToken.None);
            Assert.Equal(2, Count);
        }
        else
        {
            ImageBackupException e = Assert.Throws<ImageBackupException>(() => _repository.Lock(second, CancellationToken.None));
            Assert.Equal(ErrorId.RepositoryLocked, e.Id);
            // Who, where and since when.
            Assert.Contains($"process {Environment.ProcessId} of {Environment.UserName} on {Environment.MachineName}", e.Message, StringComparison.Ordinal);
        }
        Assert.Equal(1, Count);
    }

    [Fact]
    public void A_lock_goes_with_its_holder()
    {
        RepositoryLock held = _repository.Lock(true, CancellationToken.None);
        RepositoryLockInfo info = Assert.Single(_repository.Locks());
        Assert.Equal((true, Environment.MachineName, Environment.UserName, Environment.ProcessId, false), (info.IsExclusive, info.ComputerName, info.UserName, info.ProcessId, info.IsStale));
        Assert.InRange(info.Time, DateTime.Now.AddMinutes(-1), DateTime.Now);
        held.Dispose();
        held.Dispose();
        Assert.Equal(0, Count);
        using RepositoryLock again = _repository.Lock(true, CancellationToken.None);
    }

    [Theory]
    [InlineData(31, true, true)] // too old, wherever it is from
    [InlineData(29, true, false)]
    [InlineData(31, false, true)]
    public void Stale_by_age(int minutes, bool isElsewhere, bool isStale)
    {
        Save(minutes, isElsewhere ? "elsewhere" : Environment.MachineName, Environment.ProcessId);
        Assert.Equal(isStale, Assert.Single(_repository.Locks()).IsStale);
        if (!isStale)
        {
            Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => _repository.Lock(false, CancellationToken.None)).Id);
            return;
        }
        using RepositoryLock held = _repository.Lock(true, CancellationToken.None);
        Assert.Equal(1, Count);
    }

    /// <summary>What the clocks say: the other machine's, the storage's, ours; minutes from the true time.</summary>
    [Theory]
    [InlineData(-60, 0, 0, false)] // The other's clock is slow: its lock is written with an old time.
    [InlineData(0, 0, 60, false)] // Ours is fast.
    [InlineData(-60, -60, 0, false)]
    [InlineData(60, 60, 0, false)]
    [InlineData(0, 60, 0, false)]
    [InlineData(0, -60, 0, false)]
    [InlineData(-600, 600, -300, false)]
    [InlineData(-60, 0, 0, true)]
    [InlineData(0, 0, 60, true)]
    [InlineData(0, 600, 0, true)]
    [InlineData(600, 0, 0, true)] // The other's was fast: its lock is dated ahead, and would last for hours.
    public void A_wrong_clock_makes_no_living_lock_stale_and_no_dead_one_alive(int theirs, int storages, int ours, bool isDead)
    {
        DateTimeOffset now = DateTimeOffset.Now;
        // Written five minutes ago, as every living lock is, or two hours ago.
        TimeSpan age = TimeSpan.FromMinutes(isDead ? 120 : 5);
        string other = _directory.Save(new LockFile { Time = now - age + TimeSpan.FromMinutes(theirs), IsExclusive = true, HostName = "elsewhere", ProcessId = 77 });
        _memory.Date(StoredKind.Lock, other, now - age + TimeSpan.FromMinutes(storages));
        _memory.Clock = () => DateTimeOffset.Now.AddMinutes(storages);
        string own = _directory.Save(LockFile.ForThisProcess(isExclusive: false, now.AddMinutes(ours)));
        if (isDead)
        {
            _directory.ThrowIfConflicting(wantsExclusive: false, own, now.AddMinutes(ours));
            Assert.Equal([own], _memory.Names(StoredKind.Lock));
        }
        else
        {
            Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => _directory.ThrowIfConflicting(wantsExclusive: false, own, now.AddMinutes(ours))).Id);
            Assert.Equal(2, Count);
            Assert.True(_directory.HasRival(isExclusive: false, [own], now.AddMinutes(ours)));
        }
    }

    [Fact]
    public void A_lock_of_a_machine_with_a_slow_clock_is_written_by_the_storages_time()
    {
        _memory.Clock = () => DateTimeOffset.Now.AddHours(2);
        using RepositoryLock held = _repository.Lock(false, CancellationToken.None);
        RepositoryLockInfo info = Assert.Single(_repository.Locks());
        Assert.InRange(info.Time, DateTime.Now.AddMinutes(119), DateTime.Now.AddMinutes(121));
        Assert.False(info.IsStale);
        held.Refresh(DateTimeOffset.Now.AddMinutes(5));
        Assert.InRange(Assert.Single(_repository.Locks()).Time, DateTime.Now.AddMinutes(124), DateTime.Now.AddMinutes(126));
        held.ThrowIfLost();
    }

    [Fact]
    public void A_lock_of_a_machine_with_a_fast_clock_keeps_its_own_time()
    {
        _memory.Clock = () => DateTimeOffset.Now.AddHours(-2);
        using RepositoryLock held = _repository.Lock(false, CancellationToken.None);
        Assert.InRange(Assert.Single(_repository.Locks()).Time, DateTime.Now.AddMinutes(-1), DateTime.Now);
    }

    /// <summary>After a restart of the machine another process soon has the number.</summary>
    [Fact]
    public void Stale_by_a_process_that_began_after_the_lock()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "It needs a program that sleeps.");
        using Process later = Process.Start(new ProcessStartInfo("sleep", ["60"]))!;
        try
        {
            Save(10, Environment.MachineName, later.Id);
            Assert.True(Assert.Single(_repository.Locks()).IsStale);
            using RepositoryLock held = _repository.Lock(true, CancellationToken.None);
            // One that it could have written itself is its own.
            string own = Save(0, Environment.MachineName, later.Id);
            Assert.False(_repository.Locks().Single(l => l.Id == own).IsStale);
        }
        finally
        {
            later.Kill();
        }
    }

    [Fact]
    public void Stale_by_a_process_that_is_gone_on_this_machine_only()
    {
        using Process ended = Process.Start(new ProcessStartInfo(OperatingSystem.IsWindows() ? "hostname" : "true") { RedirectStandardOutput = true })!;
        ended.WaitForExit();
        string elsewhere = Save(1, "elsewhere", ended.Id);
        Save(1, Environment.MachineName, ended.Id);
        Assert.Equal([false, true], _repository.Locks().Select(l => l.IsStale).Order());
        Assert.Single(_repository.RemoveLocks(all: false, CancellationToken.None));
        Assert.Equal([elsewhere], _memory.Names(StoredKind.Lock));
        Assert.Equal(elsewhere, Assert.Single(_repository.RemoveLocks(all: true, CancellationToken.None)).Id);
        Assert.Equal(0, Count);
    }

    [Theory]
    [InlineData("no lock")]
    [InlineData("")]
    public void A_lock_that_cannot_be_read_blocks_until_somebody_removes_it(string content)
    {
        byte[] garbage = System.Text.Encoding.ASCII.GetBytes(content);
        _memory.Save(StoredKind.Lock, BlobId.Of(garbage).ToString(), garbage);
        RepositoryLockInfo info = Assert.Single(_repository.Locks());
        Assert.Equal((true, 0, false), (info.IsExclusive, info.ProcessId, info.IsStale));
        Assert.False(info.IsReadable);
        ImageBackupException locked = Assert.Throws<ImageBackupException>(() => _repository.Lock(false, CancellationToken.None));
        Assert.Equal(ErrorId.RepositoryLocked, locked.Id);
        Assert.Contains("-Unreadable", locked.RecommendedAction);
        Assert.Empty(_repository.RemoveLocks(all: false, CancellationToken.None));
        Assert.Single(_repository.RemoveLocks(found => !found.IsReadable, CancellationToken.None).Removed);
        using RepositoryLock held = _repository.Lock(false, CancellationToken.None);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_lock_stands_once_it_has_settled(bool isRivalExclusive)
    {
        using RepositoryLock held = _repository.BeginLock();
        Assert.Equal(1, Count);
        Save(DateTimeOffset.Now, "elsewhere", 1, isRivalExclusive);
        if (isRivalExclusive)
            Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => held.Settle(CancellationToken.None)).Id);
        else
            held.Settle(CancellationToken.None);
        held.Dispose();
        Assert.Equal(1, Count);
    }

    [Fact]
    public void Who_has_settled_looks_no_more()
    {
        using RepositoryLock held = _repository.BeginLock();
        held.Settle(CancellationToken.None);
        Save(DateTimeOffset.Now, "elsewhere", 1, isExclusive: true);
        held.Settle(CancellationToken.None);
    }

    [Fact]
    public void Settling_can_be_cancelled()
    {
        _repository.LockTiming = new LockTiming(TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5));
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        using (RepositoryLock held = _repository.BeginLock())
            Assert.ThrowsAny<OperationCanceledException>(() => held.Settle(stop.Token));
        Assert.Equal(0, Count);
    }

    [Fact]
    public void Refreshing_puts_a_new_file_in_the_old_ones_place()
    {
        using RepositoryLock held = _repository.Lock(true, CancellationToken.None);
        string before = _memory.Names(StoredKind.Lock).Single();
        held.Refresh(DateTimeOffset.Now.AddMinutes(5));
        string after = _memory.Names(StoredKind.Lock).Single();
        Assert.NotEqual(before, after);
        Assert.True(Assert.Single(_repository.Locks()).Time > DateTime.Now.AddMinutes(4));
        Assert.False(held.Lost.IsCancellationRequested);
    }

    [Fact]
    public void A_lock_that_somebody_removed_is_lost()
    {
        using RepositoryLock held = _repository.Lock(false, CancellationToken.None);
        _repository.RemoveLocks(all: true, CancellationToken.None);
        held.ThrowIfLost();
        held.Refresh(DateTimeOffset.Now);
        Assert.True(held.Lost.IsCancellationRequested);
        Assert.Equal(ErrorId.LockLost, Assert.Throws<ImageBackupException>(held.ThrowIfLost).Id);
        Assert.Equal(0, Count);
    }

    [Fact]
    public void A_lock_that_is_removed_while_it_is_refreshed_is_lost()
    {
        using (RepositoryLock held = _repository.Lock(false, CancellationToken.None))
        {
            _storage.Script = call =>
            {
                // Between the look for the old one and the saving of the new one.
                if (call is { Operation: StorageOperation.Save, Kind: StoredKind.Lock })
                    _memory.Delete(StoredKind.Lock, _memory.Names(StoredKind.Lock).Single());
                return null;
            };
            held.Refresh(DateTimeOffset.Now);
            Assert.Equal(ErrorId.LockLost, Assert.Throws<ImageBackupException>(held.ThrowIfLost).Id);
        }
        Assert.Equal(0, Count);
    }

    /// <summary>A machine that slept: its lock was stale for others, and a holder that came meanwhile must be respected.</summary>
    [Theory]
    [InlineData(true, false, true)]
    [InlineData(true, true, true)]
    [InlineData(false, true, true)]
    [InlineData(false, false, false)]
    public void After_a_sleep_a_rival_is_looked_for_first(bool ours, bool theirs, bool isLost)
    {
        using RepositoryLock held = _repository.Lock(ours, CancellationToken.None);
        DateTimeOffset woken = DateTimeOffset.Now.AddMinutes(45);
        string rival = Save(woken, "elsewhere", 1, theirs);
        held.Refresh(woken);
        Assert.Equal(isLost, held.Lost.IsCancellationRequested);
        Assert.Contains(rival, _memory.Names(StoredKind.Lock));
        Assert.Equal(2, Count);
        held.Dispose();
        Assert.Equal([rival], _memory.Names(StoredKind.Lock));
    }

    [Fact]
    public void After_a_sleep_a_lock_that_nobody_took_goes_on()
    {
        using RepositoryLock held = _repository.Lock(true, CancellationToken.None);
        string before = _memory.Names(StoredKind.Lock).Single();
        // Another sleeper's lock is as stale as ours was.
        string stale = Save(DateTimeOffset.Now, "elsewhere", 1, isExclusive: true);
        held.Refresh(DateTimeOffset.Now.AddMinutes(45));
        Assert.False(held.Lost.IsCancellationRequested);
        Assert.DoesNotContain(before, _memory.Names(StoredKind.Lock));
        Assert.Contains(stale, _memory.Names(StoredKind.Lock));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_rival_that_comes_while_the_sleeper_refreshes_is_noticed(bool removesOurs)
    {
        _repository.LockTiming = LockTiming.Restic with { Settle = TimeSpan.FromMilliseconds(1) };
        using RepositoryLock held = _repository.Lock(true, CancellationToken.None);
        string before = _memory.Names(StoredKind.Lock).Single();
        DateTimeOffset woken = DateTimeOffset.Now.AddMinutes(45);
        _storage.Reset();
        _storage.Script = call =>
        {
            if (call is not { Operation: StorageOperation.Save, Kind: StoredKind.Lock })
                return null;
            // Between our first look and our second: one that has locked, or one that took ours away and has ended.
            if (removesOurs)
                _memory.Delete(StoredKind.Lock, before);
            else
                Save(woken, "elsewhere", 1, isExclusive: true);
            return null;
        };
        held.Refresh(woken);
        Assert.True(held.Lost.IsCancellationRequested);
        Assert.Equal(ErrorId.LockLost, Assert.Throws<ImageBackupException>(held.ThrowIfLost).Id);
        held.Dispose();
        Assert.Equal(removesOurs ? 0 : 1, Count);
    }

    /// <summary>The timer may wake up later than the job: the job's own question finds out.</summary>
    [Fact]
    public void Asking_after_a_sleep_looks_before_the_timer_does()
    {
        using RepositoryLock held = _repository.Lock(true, CancellationToken.None);
        held.ThrowIfLost();
        held.Refresh(DateTimeOffset.Now.AddMinutes(-40));
        _repository.RemoveLocks(all: true, CancellationToken.None);
        Assert.False(held.Lost.IsCancellationRequested);
        Assert.Equal(ErrorId.LockLost, Assert.Throws<ImageBackupException>(held.ThrowIfLost).Id);
    }

    [Fact]
    public void A_storage_that_is_away_for_a_while_does_not_lose_it()
    {
        using RepositoryLock held = _repository.Lock(false, CancellationToken.None);
        DateTimeOffset start = DateTimeOffset.Now;
        _storage.Script = call => new StorageFault(call.Operation is StorageOperation.Save or StorageOperation.Delete ? StorageProblem.WriteError : StorageProblem.ReadError, FaultMoment.Before);
        held.Refresh(start.AddMinutes(5));
        held.Refresh(start.AddMinutes(20));
        Assert.False(held.Lost.IsCancellationRequested);
        _storage.Reset();
        held.Refresh(start.AddMinutes(24));
        _storage.Script = call => new StorageFault(StorageProblem.WriteError, FaultMoment.Before);
        held.Refresh(start.AddMinutes(48));
        Assert.False(held.Lost.IsCancellationRequested);
        held.Refresh(start.AddMinutes(50));
        Assert.True(held.Lost.IsCancellationRequested);
    }

    [Fact]
    public void A_refresh_that_takes_too_long_loses_it_while_it_still_waits()
    {
        using RepositoryLock held = _repository.Lock(false, CancellationToken.None);
        held.RefreshPatience = TimeSpan.FromMilliseconds(50);
        bool wasLost = false;
        _storage.Script = _ =>
        {
            // A server that is tried again and again.
            wasLost |= held.Lost.WaitHandle.WaitOne(TimeSpan.FromMinutes(1));
            return null;
        };
        held.Refresh(DateTimeOffset.Now);
        Assert.True(wasLost);
        _storage.Reset();
    }

    [Fact]
    public void A_command_that_is_stopped_ends_a_refresh_without_an_exception_and_takes_its_lock_away()
    {
        using var stop = new CancellationTokenSource();
        using (PendingCalls.Begin(stop.Token))
        {
            using RepositoryLock held = _repository.Lock(false, CancellationToken.None);
            stop.Cancel();
            _storage.Script = call => call.Operation is StorageOperation.Exists or StorageOperation.Save ? throw new OperationCanceledException() : (StorageFault?)null;
            held.Refresh(DateTimeOffset.Now);
        }
        Assert.Equal(0, Count);
        _storage.Reset();
        using RepositoryLock other = _repository.Lock(false, CancellationToken.None);
        _storage.Script = call => call.Operation == StorageOperation.Delete ? throw new OperationCanceledException() : (StorageFault?)null;
    }

    [Fact]
    public void A_refresh_that_fails_half_way_leaves_no_lock_behind()
    {
        using (RepositoryLock held = _repository.Lock(false, CancellationToken.None))
        {
            _storage.Script = call => call.Operation == StorageOperation.Delete ? new StorageFault(StorageProblem.WriteError, FaultMoment.Before) : null;
            held.Refresh(DateTimeOffset.Now);
            _storage.Reset();
            Assert.Equal(2, Count);
            held.Refresh(DateTimeOffset.Now);
            Assert.Equal(1, Count);
        }
        Assert.Equal(0, Count);
    }

    [Fact]
    public void A_rival_that_locks_at_the_same_moment_is_noticed()
    {
        _storage.Script = call =>
        {
            // Between our first look and our second.
            if (call is { Operation: StorageOperation.Save, Kind: StoredKind.Lock })
                Save(0, "elsewhere", 1);
            return null;
        };
        Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => _repository.Lock(false, CancellationToken.None)).Id);
        Assert.Equal("elsewhere", Assert.Single(_repository.Locks()).ComputerName);
    }

    [Fact]
    public void What_went_wrong_is_told_not_what_the_tidying_met()
    {
        using var source = new CancellationTokenSource();
        _storage.Script = call =>
        {
            if (call.Operation == StorageOperation.Save)
                source.Cancel();
            return call.Operation == StorageOperation.Delete ? new StorageFault(StorageProblem.WriteError, FaultMoment.Before) : null;
        };
        Assert.Throws<OperationCanceledException>(() => _repository.Lock(false, source.Token));
    }

    [Fact]
    public void A_backup_that_lost_its_lock_makes_no_image()
    {
        _repository.LockTiming = LockTiming.Restic with { RefreshEvery = TimeSpan.FromMilliseconds(20) };
        var volumes = new VolumeDouble();
        MemoryVolume volume = volumes.Add("/mem/a", ImageBackup.Tests.Kits.SeededBytes.Make(1, 1 << 20));
        _storage.Script = call =>
        {
            if (call is { Operation: StorageOperation.Commit, Number: 0 })
            {
                // Again and again: what is being refreshed in this moment comes back under another name.
                for (int pass = 0; pass < 100; pass++, Thread.Sleep(20))
                {
                    foreach (string name in _memory.Names(StoredKind.Lock))
                        _memory.Delete(StoredKind.Lock, name);
                }
            }
            return null;
        };
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => new BackupJob(_repository, volumes).Run(new BackupRequest { Volume = volume.Description }, null, CancellationToken.None));
        Assert.Equal(ErrorId.LockLost, e.Id);
        Assert.Empty(_memory.Names(StoredKind.Snapshot));
        Assert.Equal(0, volume.OpenCount);
        // The program that took the repository meanwhile may have removed our packs: no index may speak of them.
        Assert.Empty(_memory.Names(StoredKind.Index));
    }

    [Fact]
    public void Readers_of_a_repository_that_cannot_be_locked_go_on()
    {
        foreach (StorageProblem problem in new[] { StorageProblem.ReadOnly, StorageProblem.AccessDenied })
        {
            _storage.Script = call => call.Operation == StorageOperation.Save ? new StorageFault(problem, FaultMoment.Before) : null;
            Assert.Null(_repository.LockForReading(CancellationToken.None));
        }
        _storage.Script = call => call.Operation == StorageOperation.Save ? new StorageFault(StorageProblem.Full, FaultMoment.Before) : null;
        Assert.Equal(ErrorId.RepositoryFull, Assert.Throws<ImageBackupException>(() => _repository.LockForReading(CancellationToken.None)).Id);
        _storage.Reset();
        Save(1, "elsewhere", 1);
        Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => _repository.LockForReading(CancellationToken.None)).Id);
    }

    [Fact]
    public void Of_a_server_who_shares_looks_for_others_once_his_lock_has_settled()
    {
        _memory.Traits = StorageTraits.Remote;
        Save(1, "elsewhere", 1);
        using (RepositoryLock held = _repository.BeginLock())
        {
            Assert.Equal(2, Count);
            Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => held.Settle(CancellationToken.None)).Id);
        }
        Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => _repository.LockForReading(CancellationToken.None)).Id);
        Assert.Equal(1, Count);
        // An exclusive lock would turn away who reads: it is not written. And who cannot write a lock does not read beside an exclusive one.
        _storage.Script = call => call is { Operation: StorageOperation.Save } ? new StorageFault(StorageProblem.ReadOnly, FaultMoment.Before) : null;
        Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => _repository.Lock(true, CancellationToken.None)).Id);
        Assert.Equal(ErrorId.RepositoryLocked, Assert.Throws<ImageBackupException>(() => _repository.LockForReading(CancellationToken.None)).Id);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_a_server_no_mounted_volume_is_touched_before_the_lock_stands(bool isMounted)
    {
        _memory.Traits = StorageTraits.Remote;
        Save(1, "elsewhere", 1);
        var volumes = new VolumeDouble();
        MemoryVolume volume = volumes.Add("/mem/a", new byte[100_000], description => description with { MountPoints = isMounted ? ["/mnt"] : [] });
        var job = new BackupJob(_repository, volumes);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => { job.Run(new BackupRequest { Volume = volume.Description }, null, CancellationToken.None); });
        Assert.Equal(ErrorId.RepositoryLocked, e.Id);
        if (isMounted)
            Assert.Equal(0, volume.OpenCount);
        Assert.Empty(_memory.Names(StoredKind.Pack));
        Assert.Equal(1, Count);
    }

    private int Count => _memory.Names(StoredKind.Lock).Length;

    private string Save(int minutes, string host, int processId) => Save(DateTimeOffset.Now.AddMinutes(-minutes), host, processId, isExclusive: true);

    private string Save(DateTimeOffset time, string host, int processId, bool isExclusive) =>
        TestRepository.SaveLock(_repository, _memory, time, host, processId, isExclusive);
}
