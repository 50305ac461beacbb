using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.VolumeSnapshots.Wmi;

/// <summary>One shadow copy, deleted by Dispose.</summary>
internal sealed class WmiSnapshotSet(ShadowCopies copies, WindowsUndoRecord record, VolumeDescription volume, TimeSpan timeout, Action<string> log)
    : ISnapshotSet, ISnapshot
{
    private static readonly TimeSpan s_stateTimeout = TimeSpan.FromSeconds(20);

    private readonly object _gate = new();
    private IVolumeSystem? _system;
    private string? _id;
    private SnapshotState? _last;
    private bool _isDisposed;

    public string ProviderName => WmiSnapshotProvider.ProviderName;
    public DateTimeOffset Time { get; } = DateTimeOffset.Now;
    public IReadOnlyList<ISnapshot> Snapshots => [this];
    public IReadOnlyList<SnapshotDocument> Documents => [];
    public IReadOnlyList<string> Warnings => ["No application took part in the shadow copy: its content is as after a crash."];
    public VolumeDescription Volume => volume;
    public string DevicePath { get; private set; } = "";

    /// <summary>Takes over what was made, before anything else can fail.</summary>
    public void Made(string id, IVolumeSystem system)
    {
        _id = id;
        _system = system;
        ShadowCopy copy = TimeLimitedCall.Run(_ => copies.Find(id), timeout, CancellationToken.None)
            ?? throw new WmiException($"the shadow copy {id} was made and is not there");
        DevicePath = copy.DeviceObject;
    }

    public IBlockReader OpenRead() => _system!.OpenRead(_system.Find(DevicePath), VolumeOpenMode.Probe);

    public SnapshotState QueryState()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return _last ?? Invalid("it was deleted");
            return _last = Ask();
        }
    }

    public IReadOnlyList<string> Complete(bool succeeded) => [];

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            Delete();
        }
    }

    private SnapshotState Ask()
    {
        try
        {
            return TimeLimitedCall.Run(_ => copies.Find(_id!), s_stateTimeout, CancellationToken.None) is { } copy && copy.DeviceObject == DevicePath
                ? new SnapshotState { IsValid = true }
                : Invalid("Windows deleted it, as it does when its storage area is full");
        }
        catch (Exception e) when (e is WmiException or TimeoutException)
        {
            return Invalid("WMI could not be asked about it: " + e.Message);
        }
    }

    private void Delete()
    {
        try
        {
            if (_id is { } id)
            {
                log($"Win32_ShadowCopy {id}: delete");
                TimeLimitedCall.Run(_ => copies.Delete(id), timeout, CancellationToken.None);
            }
            record.Remove();
        }
        catch (Exception e) when (e is WmiException or TimeoutException)
        {
            log($"The shadow copy {_id} could not be deleted: {e.Message}. The next run tries again.");
            record.Dispose();
        }
    }

    private static SnapshotState Invalid(string fault) => new() { IsValid = false, Fault = fault };
}
