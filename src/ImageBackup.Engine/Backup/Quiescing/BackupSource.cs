using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>
/// A volume, taken for one copy: quiesced, frozen, or as it is. Dispose lets go of it and puts it back, on every way out
/// and at the process's end.
/// </summary>
internal sealed class BackupSource : IDisposable
{
    private static readonly TimeSpan s_watchInterval = TimeSpan.FromSeconds(1);

    private readonly VolumeDescription _volume;
    private readonly EventLog _events;
    private readonly IQuiescedVolume? _quiesced;
    private readonly ISnapshot? _snapshot;
    private readonly ISnapshotSet? _ownSet;
    private readonly CancellationTokenSource _lost = new();
    private readonly Timer? _watch;
    private readonly object _gate = new();
    private readonly ExitUndo _exit;
    private bool _isPutBack;

    private BackupSource(VolumeDescription volume, IBlockReader reader, EventLog events,
        IQuiescedVolume? quiesced = null, TakenSnapshot? taken = null, bool ownsSet = false)
    {
        _volume = volume;
        _events = events;
        _quiesced = quiesced;
        _snapshot = taken?.Snapshot;
        _ownSet = ownsSet ? taken!.Set : null;
        Type = quiesced is not null ? ImageType.Static : taken is not null ? ImageType.Snapshot : ImageType.Dynamic;
        Reader = reader;
        Provider = taken?.Set.ProviderName;
        SnapshotTime = taken?.Set.Time;
        QuiescedBy = quiesced?.How;
        Documents = taken?.Set.Documents ?? [];
        Writers = (taken?.Set as IWriterSnapshotSet)?.Writers ?? [];
        Lost = _lost.Token;
        _exit = ExitCleanup.Hold(LetGo);
        if (_snapshot is not null)
            _watch = new Timer(_ => Look(), null, s_watchInterval, s_watchInterval);
    }

    public ImageType Type { get; }
    public IBlockReader Reader { get; }

    /// <summary>It may change under the copy.</summary>
    public bool IsLive => Type == ImageType.Dynamic && _volume.IsMounted;

    public string? Provider { get; }
    public DateTimeOffset? SnapshotTime { get; }
    public string? QuiescedBy { get; }
    public IReadOnlyList<SnapshotDocument> Documents { get; }
    public IReadOnlyList<SnapshotWriter> Writers { get; }

    /// <summary>Why no snapshot was had, if one was to be.</summary>
    public string? FailoverReason { get; init; }

    /// <summary>The last answer of a snapshot.</summary>
    public SnapshotState? State { get; private set; }

    /// <summary>Cancelled when the snapshot is lost.</summary>
    public CancellationToken Lost { get; }

    public static BackupSource FromLive(VolumeDescription volume, IBlockReader reader, EventLog events, string? failoverReason) =>
        new(volume, reader, events) { FailoverReason = failoverReason };

    public static BackupSource FromQuiesced(VolumeDescription volume, IQuiescedVolume quiesced, EventLog events, string? failoverReason)
    {
        try
        {
            return new BackupSource(volume, quiesced.Reader, events, quiesced) { FailoverReason = failoverReason };
        }
        catch
        {
            // The process is ending.
            quiesced.Dispose();
            throw;
        }
    }

    public static BackupSource FromSnapshot(VolumeDescription volume, TakenSnapshot taken, IBlockReader reader, bool ownsSet, EventLog events) =>
        new(volume, reader, events, taken: taken, ownsSet: ownsSet);

    /// <summary>Asks whether what was read so far was what it should be.</summary>
    /// <exception cref="ImageBackupException">SnapshotInvalid, VolumeChanged.</exception>
    public void ThrowIfSpoiled()
    {
        if (_snapshot is not null && !Look())
        {
            string message = $"The snapshot of '{_volume.Name}' was lost while it was copied: {State?.Fault ?? "it is not valid any more"}. No image was made.";
            _events.Write(EventId.SnapshotInvalid, message, _volume.Name, nameof(ErrorId.SnapshotInvalid));
            throw new ImageBackupException(ErrorId.SnapshotInvalid, message, _volume.Name);
        }
        if (_quiesced?.Disturbance() is { } disturbance)
            throw new ImageBackupException(ErrorId.VolumeChanged, $"'{_volume.Name}' did not stay quiesced while it was copied: {disturbance}.", _volume.Name);
    }

    /// <summary>After the last read: a quiesced volume goes back to its users at once. Gives warnings.</summary>
    public IReadOnlyList<string> EndReading() => _quiesced is null ? [] : PutBack();

    /// <summary>The image is recorded: applications that take part are told. Gives warnings.</summary>
    public IReadOnlyList<string> Complete() => _ownSet?.Complete(succeeded: true) ?? [];

    public void Dispose() => _exit.Dispose();

    private void LetGo()
    {
        _watch?.Dispose();
        Reader.Dispose();
        _ = PutBack();
        _ownSet?.Dispose();
        // The token may still be asked by a copy that ends just now; without a timer the source needs no disposing.
    }

    private IReadOnlyList<string> PutBack()
    {
        lock (_gate)
        {
            if (_quiesced is null || _isPutBack)
                return [];
            _isPutBack = true;
        }
        IReadOnlyList<string> faults = _quiesced.Release();
        if (faults.Count == 0)
            _events.Write(EventId.VolumePutBack, $"'{_volume.Name}' is as it was.", _volume.Name);
        foreach (string fault in faults)
            _events.Write(EventId.VolumeNotPutBack, fault, _volume.Name);
        return faults;
    }

    /// <summary>True while the snapshot is valid; once it was not it never is again.</summary>
    private bool Look()
    {
        SnapshotState state = _snapshot!.QueryState();
        if (State is not { IsValid: false })
            State = state;
        if (!State!.IsValid && !_lost.IsCancellationRequested)
            _lost.Cancel();
        return State.IsValid;
    }
}
