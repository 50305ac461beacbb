using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>
/// Snapshot sets that several backups share: all volumes that are to be taken by snapshot, by a provider that takes sets, are
/// frozen at one moment; one set a provider. A set is removed when the last of its volumes has ended; Dispose removes what is
/// there, on every way out and at the process's end. Any thread.
/// </summary>
internal sealed class SharedSnapshots : IDisposable
{
    private readonly object _gate = new();
    private readonly List<SharedSet> _sets = [];
    private readonly EventLog _events;
    private readonly ExitUndo _exit;
    private bool _isDisposed;

    private SharedSnapshots(EventLog events)
    {
        _events = events;
        _exit = ExitCleanup.Hold(RemoveAll);
    }

    /// <summary>
    /// What to run, in this order: the volumes of the sets first, so that no set waits for others, each with its copy or with why
    /// it has none (<see cref="BackupRequest.TakenSnapshot"/>, <see cref="BackupRequest.RefusedSnapshot"/>); then the others, as they were given.
    /// </summary>
    public IReadOnlyList<BackupRequest> Requests { get; private set; } = [];

    /// <summary>Takes the sets. A set that cannot be had is not a failure here: each of its volumes reports it when it is backed up.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    internal static SharedSnapshots Take(IReadOnlyList<BackupRequest> requests, VolumeQuiescer quiescer, EventLog events, Action<string> writeVerbose, CancellationToken cancellation)
    {
        var shared = new SharedSnapshots(events);
        try
        {
            shared.TakeAll(requests, quiescer, writeVerbose, cancellation);
            return shared;
        }
        catch
        {
            shared.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A volume of <see cref="Requests"/> has ended. When it was the last one of its set, the applications that take part are told
    /// whether their data was saved - it was if no volume of the set failed - and the set is removed.
    /// </summary>
    /// <returns>Warnings about the set.</returns>
    public IReadOnlyList<string> End(BackupRequest request, bool succeeded)
    {
        SharedSet? set;
        lock (_gate)
        {
            set = _sets.Find(known => known.End(request, succeeded));
            if (set is not { IsEnded: true })
                return [];
        }
        try
        {
            IReadOnlyList<string> warnings = set.IsGood ? set.Set.Complete(succeeded: true) : [];
            foreach (string warning in warnings)
                _events.Write(EventId.ImageWarning, $"The snapshot of {set.Names}: {warning}");
            return warnings;
        }
        finally
        {
            set.Set.Dispose();
            lock (_gate)
                _sets.Remove(set);
        }
    }

    public void Dispose() => _exit.Dispose();

    private void RemoveAll()
    {
        SharedSet[] left;
        lock (_gate)
        {
            _isDisposed = true;
            left = [.. _sets];
            _sets.Clear();
        }
        foreach (SharedSet set in left)
            set.Set.Dispose();
    }

    private void TakeAll(IReadOnlyList<BackupRequest> requests, VolumeQuiescer quiescer, Action<string> writeVerbose, CancellationToken cancellation)
    {
        var groups = new Dictionary<ISnapshotProvider, List<BackupRequest>>();
        var alone = new List<BackupRequest>();
        foreach (BackupRequest request in requests)
        {
            if (quiescer.ProviderOf(request) is not { } provider)
            {
                alone.Add(request);
                continue;
            }
            if (!groups.TryGetValue(provider, out List<BackupRequest>? group))
                groups.Add(provider, group = []);
            if (WhyAlone(request, provider, group) is not { } reason)
            {
                group.Add(request);
                continue;
            }
            writeVerbose($"{request.Volume.Name}: {reason}; its snapshot is taken alone.");
            alone.Add(request);
        }
        var shared = new List<BackupRequest>();
        if (groups.Values.Any(group => group.Count > 0))
            quiescer.RemoveOrphans();
        foreach (KeyValuePair<ISnapshotProvider, List<BackupRequest>> group in groups.Where(group => group.Value.Count > 0))
            shared.AddRange(Take(group.Key, group.Value, quiescer, cancellation));
        Requests = [.. shared, .. alone];
    }

    private static string? WhyAlone(BackupRequest request, ISnapshotProvider provider, List<BackupRequest> group) =>
        !provider.TakesSets ? $"{provider.Name} takes one volume at a time"
        : group.Exists(other => other.Volume.DevicePath == request.Volume.DevicePath) ? "it was named before"
        : null;

    private List<BackupRequest> Take(ISnapshotProvider provider, List<BackupRequest> requests, VolumeQuiescer quiescer, CancellationToken cancellation)
    {
        var warnings = new List<string>();
        ISnapshotSet set;
        try
        {
            set = quiescer.TakeSet(provider, requests, warnings, cancellation);
        }
        catch (ImageBackupException e)
        {
            var refused = new RefusedSnapshot(e, warnings);
            return [.. requests.Select(request => request with { RefusedSnapshot = refused })];
        }
        List<BackupRequest> taken =
        [
            .. requests.Select((request, i) => request with
            {
                TakenSnapshot = new TakenSnapshot(set, set.Snapshots[i]) { Warnings = warnings },
            }),
        ];
        lock (_gate)
        {
            if (!_isDisposed)
            {
                _sets.Add(new SharedSet(set, taken));
                return taken;
            }
        }
        // The process is ending.
        set.Dispose();
        throw new OperationCanceledException();
    }

    /// <summary>A set and those of its volumes that have not ended.</summary>
    private sealed class SharedSet(ISnapshotSet set, IReadOnlyList<BackupRequest> requests)
    {
        private readonly List<BackupRequest> _running = [.. requests];

        public ISnapshotSet Set => set;
        public string Names { get; } = string.Join(", ", requests.Select(request => request.Volume.Name));
        public bool IsGood { get; private set; } = true;
        public bool IsEnded => _running.Count == 0;

        /// <summary>False if the request is none of the set's, or has ended before.</summary>
        public bool End(BackupRequest request, bool succeeded)
        {
            if (_running.RemoveAll(running => ReferenceEquals(running, request)) == 0)
                return false;
            IsGood &= succeeded;
            return true;
        }
    }
}
