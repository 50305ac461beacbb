using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Locks;

/// <summary>
/// A held lock by restic's protocol: check, write, wait, check again; refreshed every 5 minutes while it is held; removed
/// when disposed. The lock of a killed process is stale at once on this machine (its process is gone) and elsewhere after 30 minutes.
/// </summary>
internal sealed class RepositoryLock : IDisposable
{
    /// <summary>What a slow upload can look like; well below the age at which a lock is stale.</summary>
    private static readonly TimeSpan s_clockTolerance = TimeSpan.FromMinutes(5);

    private readonly LockDirectory _directory;
    private readonly CancellationTokenSource _lost = new();
    private readonly object _gate = new();
    private readonly Timer _timer;
    private readonly bool _isExclusive;
    private readonly List<string> _replaced = new();
    private readonly HangupSignal _hangup;
    private readonly TimeSpan _settle;
    private readonly Stopwatch _sinceSaved = Stopwatch.StartNew();
    private readonly object _settling = new();
    private readonly ExitUndo _exit;
    private string _name;
    private bool _isSettled;
    private DateTimeOffset _refreshed;
    private TimeSpan _clockLag;
    private bool _released;

    private RepositoryLock(LockDirectory directory, string name, LockFile file, LockTiming timing, HangupSignal hangup, ExitUndo exit)
    {
        _directory = directory;
        _name = name;
        _isExclusive = file.IsExclusive;
        _refreshed = file.Time;
        _hangup = hangup;
        _settle = timing.Settle;
        _timer = new Timer(_ => Refresh(DateTimeOffset.Now), null, timing.RefreshEvery, timing.RefreshEvery);
        _exit = exit;
    }

    /// <summary>Cancelled when the lock was removed by somebody or could not be refreshed until it was nearly stale.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Takes a lock and waits until it is known to stand.</summary>
    /// <param name="directory">Where locks lie.</param>
    /// <param name="isExclusive">Whether nobody else may hold one.</param>
    /// <param name="timing">How long to wait.</param>
    /// <param name="cancellation">Ends the waiting; nothing is left.</param>
    /// <param name="meanwhile">Done while the lock settles: nothing of the repository, which may be another's still.</param>
    /// <param name="ahead">A list of the locks that was begun before; null: none.</param>
    /// <exception cref="ImageBackupException">RepositoryLocked; a storage failure (RepositoryReadOnly if nothing can be locked).</exception>
    public static RepositoryLock Acquire(
        LockDirectory directory, bool isExclusive, LockTiming timing, CancellationToken cancellation, Action? meanwhile = null, ListsAhead? ahead = null)
    {
        RepositoryLock held = Begin(directory, isExclusive, timing, ahead);
        try
        {
            meanwhile?.Invoke();
            held.Settle(cancellation);
            return held;
        }
        catch
        {
            // The first failure is reported, not a failure of the cleanup; the lock goes stale by itself.
            held.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Saves a lock that stands only once it has settled. Until then the repository may be another's still: nothing of it is
    /// changed, and what was read of it is to be looked at again.
    /// </summary>
    /// <exception cref="ImageBackupException">RepositoryLocked; a storage failure.</exception>
    public static RepositoryLock Begin(LockDirectory directory, bool isExclusive, LockTiming timing, ListsAhead? ahead = null)
    {
        // A shared lock beside another's exclusive one harms nobody until it settles, and goes then: of a server the first look is a round trip
        // that it does without. An exclusive one would turn away who only reads.
        if (isExclusive || !directory.IsRemote)
            directory.ThrowIfHeld(isExclusive, DateTimeOffset.Now, ahead);
        DateTimeOffset now = DateTimeOffset.Now;
        HangupSignal hangup = HangupSignal.Ignore();
        RepositoryLock? held = null;
        ExitUndo? exit = null;
        try
        {
            exit = ExitCleanup.Hold(() => held?.Release());
            var file = LockFile.ForThisProcess(isExclusive, now);
            return exit.Do(_ => held = new RepositoryLock(directory, directory.Save(file), file, timing, hangup, exit));
        }
        catch
        {
            exit?.Cancel();
            hangup.Dispose();
            throw;
        }
    }

    /// <summary>Waits until others that locked at the same moment would be seen, and looks for them. Any thread; once.</summary>
    /// <exception cref="ImageBackupException">RepositoryLocked; a storage failure.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Settle(CancellationToken cancellation)
    {
        lock (_settling)
        {
            if (_isSettled)
                return;
            TimeSpan left = _settle - _sinceSaved.Elapsed;
            if (left > TimeSpan.Zero)
                cancellation.WaitHandle.WaitOne(left);
            cancellation.ThrowIfCancellationRequested();
            lock (_gate)
            {
                TimeSpan? lag = _directory.ThrowIfConflicting(_isExclusive, _name, DateTimeOffset.Now) - _refreshed;
                // Our clock is slow: others would hold our lock for stale, or soon. It is written again by the storage's time. A clock that is
                // fast does no harm, and the time of a lock must not lie before its process began.
                if (lag > s_clockTolerance)
                {
                    _clockLag = lag.Value;
                    Refresh(DateTimeOffset.Now);
                }
            }
            _isSettled = true;
        }
    }

    /// <summary>
    /// Puts a new lock file in the old one's place. A lock that has been stale for others meanwhile (the machine slept, the
    /// storage was away) is only refreshed if nobody else has come. Internal for tests; the timer calls it.
    /// </summary>
    internal void Refresh(DateTimeOffset now)
    {
        lock (_gate)
        {
            if (_released || _lost.IsCancellationRequested)
                return;
            // A server is tried again for longer than the lock is good for: the writing stops before, while the call goes on.
            using var overdue = new Timer(_ => CancelLost(), null, RefreshPatience, Timeout.InfiniteTimeSpan);
            try
            {
                if (!_directory.Exists(_name))
                {
                    // Somebody unlocked the repository under us: another may hold it by now.
                    _lost.Cancel();
                    return;
                }
                bool wasStale = now - _refreshed > LockFile.StaleAfter;
                if (wasStale && _directory.HasRival(_isExclusive, [.. _replaced, _name], now))
                {
                    _lost.Cancel();
                    return;
                }
                string fresh = _directory.Save(LockFile.ForThisProcess(_isExclusive, now + _clockLag));
                // Ours to remove, whatever the next look finds or meets.
                _replaced.Add(fresh);
                // Removed between our look and our save, the new one would hide that the repository was unlocked meanwhile.
                if (wasStale ? IsOvertaken(now) : !_directory.Exists(_name))
                {
                    _lost.Cancel();
                    return;
                }
                _replaced.Remove(fresh);
                _replaced.Add(_name);
                _name = fresh;
                _refreshed = now;
                _replaced.RemoveAll(old => TryDelete(_directory, old));
            }
            catch (ImageBackupException)
            {
                // A share may come back; the lock holds until it is nearly stale for others.
                if (now - _refreshed > LockFile.StaleAfter - LockTiming.Restic.RefreshEvery)
                    _lost.Cancel();
            }
            catch (OperationCanceledException)
            {
                // The command is being stopped; on the timer's thread nobody would catch it.
            }
        }
    }

    /// <summary>So long one refresh may take.</summary>
    internal TimeSpan RefreshPatience { get; set; } = TimeSpan.FromMinutes(10);

    private void CancelLost()
    {
        try
        {
            _lost.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It was released in the same moment.
        }
    }

    /// <summary>Whether no other live lock lies in the repository.</summary>
    public bool IsAlone(DateTimeOffset now)
    {
        lock (_gate)
            return !_directory.HasRival(isExclusive: true, [.. _replaced, _name], now);
    }

    /// <summary>As when a lock is taken: wait, look again. A rival may have removed the old one as stale in between.</summary>
    private bool IsOvertaken(DateTimeOffset now)
    {
        Thread.Sleep(_settle);
        return !_directory.Exists(_name) || _directory.HasRival(_isExclusive, [.. _replaced, _name], now);
    }

    /// <summary>
    /// Throws if the lock is no longer held. After a sleep this may be asked before the timer has woken up: then it is
    /// found out here.
    /// </summary>
    /// <exception cref="ImageBackupException">LockLost.</exception>
    public void ThrowIfLost()
    {
        DateTimeOffset now = DateTimeOffset.Now, refreshed;
        lock (_gate)
            refreshed = _refreshed;
        if (now - refreshed > LockFile.StaleAfter)
            Refresh(now);
        if (_lost.IsCancellationRequested)
            throw new ImageBackupException(ErrorId.LockLost, $"The lock on the repository '{_directory.Location}' was lost.", _directory.Location);
    }

    public void Dispose() => _exit.Dispose();

    private void Release()
    {
        lock (_gate)
        {
            if (_released)
                return;
            _released = true;
            _timer.Dispose();
            foreach (string old in _replaced)
                TryDelete(_directory, old);
            TryDelete(_directory, _name);
            _hangup.Dispose();
            _lost.Dispose();
        }
    }

    /// <summary>False if the storage is away: the lock goes stale by itself.</summary>
    private static bool TryDelete(LockDirectory directory, string name)
    {
        try
        {
            directory.Delete(name);
            return true;
        }
        catch (Exception e) when (e is ImageBackupException or OperationCanceledException)
        {
            return false;
        }
    }
}
