using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.VolumeSnapshots.Lvm;

/// <summary>One LVM snapshot, removed by Dispose.</summary>
internal sealed class LvmSnapshotSet(LvmTools tools, LinuxUndoRecord record, VolumeDescription volume, string fullName, TimeSpan timeout, Action<string> log)
    : ISnapshotSet, ISnapshot
{
    private const int RemoveAttempts = 5;
    private const int StatusAttempts = 3;
    private static readonly TimeSpan s_removePause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_statusTimeout = TimeSpan.FromSeconds(20);

    private readonly object _gate = new();
    private IVolumeSystem? _system;
    private VolumeDescription? _frozen;
    private SnapshotState? _last;
    private ExitUndo _exit = null!;
    private volatile bool _isDisposed;

    public string ProviderName => "LINUX_LVM";
    public DateTimeOffset Time { get; } = DateTimeOffset.Now;
    public IReadOnlyList<ISnapshot> Snapshots => [this];
    public IReadOnlyList<SnapshotDocument> Documents => [];
    public IReadOnlyList<string> Warnings => [];
    public VolumeDescription Volume => volume;
    public string DevicePath => "/dev/" + fullName;

    /// <summary>Registers the removal, before anything is run.</summary>
    /// <exception cref="OperationCanceledException">The process is ending.</exception>
    public static LvmSnapshotSet Begin(LvmTools tools, LinuxUndoRecord record, VolumeDescription volume, string fullName, TimeSpan timeout, Action<string> log)
    {
        var set = new LvmSnapshotSet(tools, record, volume, fullName, timeout, log);
        try
        {
            set._exit = ExitCleanup.Hold(set.LetGo);
            return set;
        }
        catch
        {
            record.Remove();
            throw;
        }
    }

    /// <summary>Runs lvcreate to its end: ended half-way it would leave devices suspended. The removal waits for it.</summary>
    public ProgramResult RunCreate(IReadOnlyList<string> arguments) => _exit.Do(_ => tools.Create(arguments, timeout));

    /// <summary>Finds the new device.</summary>
    public void Open(IVolumeSystem system)
    {
        _system = system;
        _frozen = system.Find(DevicePath);
        if (_frozen.SizeBytes != volume.SizeBytes)
        {
            throw new ImageBackupException(ErrorId.SnapshotFailed,
                $"The snapshot of '{volume.Name}' has {_frozen.SizeBytes} bytes and the volume {volume.SizeBytes}.", volume.Name);
        }
    }

    // Exclusively: a desktop that mounts what appears would write to it.
    public IBlockReader OpenRead() => _system!.OpenRead(_frozen!, VolumeOpenMode.Exclusive);

    public SnapshotState QueryState()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return _last ?? SnapshotStatus.Invalid("it was removed");
            for (int attempt = 1; ; attempt++)
            {
                ProgramResult result = tools.Status(_frozen!.DevicePath, s_statusTimeout);
                if (result.IsGood && result.Output.Trim().Length > 0)
                    return _last = SnapshotStatus.Parse(result.Output);
                // That it could not be asked once says nothing of the snapshot.
                if (attempt == StatusAttempts)
                    return _last = SnapshotStatus.Invalid("the device mapper does not tell of it: " + result.Fault);
                Thread.Sleep(s_removePause);
            }
        }
    }

    public IReadOnlyList<string> Complete(bool succeeded) => [];

    public void Dispose() => _exit.Dispose();

    private void LetGo()
    {
        lock (_gate)
            _isDisposed = true;
        if (Remove())
            record.Remove();
        else
            record.Dispose();
    }

    /// <summary>False if it is still there: its record then leads the next run to it.</summary>
    private bool Remove()
    {
        // It may not exist yet, and something that looks at every new device may have it open for a moment.
        for (int attempt = 1; ; attempt++)
        {
            LogicalVolume? found = tools.Report(fullName, timeout, out string fault);
            if (found is null && LvmTools.IsGone(fault) || found is not null && !found.Tags.Contains(LvmTools.Tag))
                return true;
            ProgramResult? result = found is null ? null : tools.Remove(fullName, timeout);
            log($"lvremove {fullName}{(result is { IsGood: true } ? "" : ": " + (result?.Fault ?? fault))}");
            if (result is { IsGood: true })
                return true;
            if (attempt == RemoveAttempts)
                return false;
            Thread.Sleep(s_removePause);
        }
    }
}
