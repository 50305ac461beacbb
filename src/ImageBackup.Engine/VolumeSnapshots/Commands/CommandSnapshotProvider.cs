using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.VolumeSnapshots.Commands;

/// <summary>
/// Snapshots by two command lines of the administrator's, for whatever this module has no provider for. The first one freezes
/// and prints the frozen device's (or file's) path on its last line; the second one removes. Both find in their environment:
/// IMAGEBACKUP_VOLUME, IMAGEBACKUP_DEVICE, IMAGEBACKUP_MOUNTPOINT, IMAGEBACKUP_ID (of letters and digits, the same for both)
/// and the second one IMAGEBACKUP_SNAPSHOT (what the first one printed; empty if it failed).
/// </summary>
internal sealed class CommandSnapshotProvider(Func<IVolumeSystem> volumes, string recordDirectory) : ISnapshotProvider
{
    internal const string RecordKind = "command";
    private const string VolumeKey = "volume", IdKey = "id", RemoveKey = "remove", DeviceKey = "device", PointKey = "mountPoint";

    private readonly SnapshotUndoRecords<LinuxUndoRecord> _records =
        SnapshotUndoRecords.Linux(recordDirectory, RecordKind, values => values.Find(IdKey), values => values.Find(VolumeKey));

    public string Name => "COMMAND";
    public string Description => "two commands of the administrator's";
    public int Preference => 30;
    public bool TakesSets => false;

    public SnapshotSupport CheckMachine(SnapshotOptions options) =>
        string.IsNullOrWhiteSpace(options.CreateCommand) || string.IsNullOrWhiteSpace(options.RemoveCommand)
            ? new SnapshotSupport("no commands are set (Set-SnapshotProvider -CreateCommand -RemoveCommand)")
            : SnapshotSupport.Usable;

    public SnapshotSupport CheckVolume(VolumeDescription volume, SnapshotOptions options) => CheckMachine(options);

    public ISnapshotSet Create(IReadOnlyList<VolumeDescription> taken, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
    {
        if (taken.Count != 1)
            throw new ArgumentException("The commands take one volume at a time.", nameof(taken));
        VolumeDescription volume = taken[0];
        if (CheckMachine(options) is { WhyNot: { } whyNot })
            throw Failed(volume, whyNot);
        string id = Guid.NewGuid().ToString("N");
        LinuxUndoRecord record = _records.Begin(
            new Dictionary<string, string>
            {
                [VolumeKey] = volume.Name,
                [DeviceKey] = volume.DevicePath,
                [PointKey] = MountPointOf(volume),
                [IdKey] = id,
                [RemoveKey] = options.RemoveCommand!,
                [OrphanedCommand.SessionKey] = OrphanedCommand.Session ?? "",
                [OrphanedCommand.LimitKey] = options.Timeout.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            },
            (why, _) => Failed(volume, why));
        CommandSnapshotSet set = CommandSnapshotSet.Begin(record, volume, id, options, log);
        try
        {
            log($"'{options.CreateCommand}' for {volume.Name}");
            ProgramResult result = set.RunCreate(cancellation);
            if (!result.IsGood)
                throw Failed(volume, result.Fault);
            string? path = result.Output.Split('\n').Select(line => line.Trim()).LastOrDefault(line => line.Length > 0);
            set.Open(volumes(), path ?? throw Failed(volume, "the command printed no device"));
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    public IReadOnlyList<OrphanSnapshot> FindOrphans() => _records.FindOrphans(Name);

    public void Remove(OrphanSnapshot leftover, Action<string> log) => _records.Remove(leftover, values =>
    {
        if (OrphanedCommand.Of(values, leftover.Name) is { } process)
        {
            throw new ImageBackupException(ErrorId.SnapshotFailed, string.Format(CultureInfo.InvariantCulture,
                "The snapshot '{0}' cannot be removed yet: a command of the run that was killed goes on without it (process {1}). A later run tries again.",
                leftover.Name, process), leftover.Name);
        }
        string command = values.Find(RemoveKey) ?? "";
        log($"'{command}' for {leftover.VolumeName}");
        Dictionary<string, string> variables = Variables(leftover.Name, values.Find(VolumeKey), values.Find(DeviceKey), values.Find(PointKey), snapshot: "");
        ProgramResult result = ProcessRunner.Shell(command, new SnapshotOptions().Timeout, CancellationToken.None, variables);
        if (!result.IsGood)
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"The snapshot '{leftover.Name}' could not be removed: {result.Fault}", leftover.Name);
    });

    private static Dictionary<string, string> Variables(string id, string? volume, string? device, string? mountPoint, string? snapshot)
    {
        var variables = new Dictionary<string, string>
        {
            ["IMAGEBACKUP_VOLUME"] = volume ?? "",
            ["IMAGEBACKUP_DEVICE"] = device ?? "",
            ["IMAGEBACKUP_MOUNTPOINT"] = mountPoint ?? "",
            [OrphanedCommand.IdVariable] = id,
        };
        if (snapshot is not null)
            variables["IMAGEBACKUP_SNAPSHOT"] = snapshot;
        return variables;
    }

    private static Dictionary<string, string> Variables(VolumeDescription volume, string id, string? snapshot) =>
        Variables(id, volume.Name, volume.DevicePath, MountPointOf(volume), snapshot);

    private static string MountPointOf(VolumeDescription volume) => volume.MountPoints.Count > 0 ? volume.MountPoints[0] : "";

    private static ImageBackupException Failed(VolumeDescription volume, string why) =>
        new(ErrorId.SnapshotFailed, $"The command cannot take a snapshot of '{volume.Name}': {why}", volume.Name);

    private sealed class CommandSnapshotSet(LinuxUndoRecord record, VolumeDescription volume, string id, SnapshotOptions options, Action<string> log)
        : ISnapshotSet, ISnapshot
    {
        private ExitUndo _exit = null!;
        private IVolumeSystem? _system;
        private VolumeDescription? _frozen;
        private bool _hasBegun;

        public string ProviderName => "COMMAND";
        public DateTimeOffset Time { get; } = DateTimeOffset.Now;
        public IReadOnlyList<ISnapshot> Snapshots => [this];
        public IReadOnlyList<SnapshotDocument> Documents => [];
        public IReadOnlyList<string> Warnings => [];
        public VolumeDescription Volume => volume;
        public string DevicePath { get; private set; } = "";

        /// <summary>Registers the removal, before anything is run.</summary>
        /// <exception cref="OperationCanceledException">The process is ending.</exception>
        public static CommandSnapshotSet Begin(LinuxUndoRecord record, VolumeDescription volume, string id, SnapshotOptions options, Action<string> log)
        {
            var set = new CommandSnapshotSet(record, volume, id, options, log);
            try
            {
                set._exit = ExitCleanup.Hold(set.Remove);
                return set;
            }
            catch
            {
                record.Remove();
                throw;
            }
        }

        /// <summary>Runs the first command. If the process is told to end, the command is ended with all that it started.</summary>
        public ProgramResult RunCreate(CancellationToken cancellation) => _exit.Do(ending =>
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, ending);
            _hasBegun = true;
            return ProcessRunner.Shell(options.CreateCommand!, options.Timeout, stop.Token, Variables(volume, id, snapshot: null));
        });

        public void Open(IVolumeSystem system, string path)
        {
            DevicePath = path;
            _system = system;
            _frozen = system.Find(path);
            if (_frozen.SizeBytes != volume.SizeBytes)
                throw Failed(volume, $"'{path}' has {_frozen.SizeBytes} bytes and the volume {volume.SizeBytes}");
        }

        public IBlockReader OpenRead() => _system!.OpenRead(_frozen!, VolumeOpenMode.Shared);

        public SnapshotState QueryState()
        {
            try
            {
                // All that can be asked: whether it is still there.
                return _system!.Find(DevicePath).SizeBytes == volume.SizeBytes
                    ? new SnapshotState { IsValid = true }
                    : new SnapshotState { IsValid = false, Fault = $"'{DevicePath}' has another length now" };
            }
            catch (ImageBackupException e)
            {
                return new SnapshotState { IsValid = false, Fault = e.Message };
            }
        }

        public IReadOnlyList<string> Complete(bool succeeded) => [];

        public void Dispose() => _exit.Dispose();

        private void Remove()
        {
            if (!_hasBegun)
            {
                record.Remove();
                return;
            }
            ProgramResult result = ProcessRunner.Shell(options.RemoveCommand!, options.Timeout, CancellationToken.None, Variables(volume, id, DevicePath));
            log($"'{options.RemoveCommand}' for {volume.Name}{(result.IsGood ? "" : ": " + result.Fault)}");
            if (result.IsGood)
                record.Remove();
            else
                record.Dispose();
        }
    }
}
