using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.VolumeSnapshots.Lvm;

/// <summary>
/// Snapshots of LVM2's logical volumes: classic ones with room for the blocks that change, and thin ones, whose room is the
/// pool's. The kernel freezes the file system for the moment of the snapshot, so its journal is consistent.
/// </summary>
internal sealed class LvmSnapshotProvider(Func<IVolumeSystem> volumes, string recordDirectory) : ISnapshotProvider
{
    public const string RecordKind = "lvm";
    internal const string VolumeKey = "volume", SnapshotKey = "snapshot";
    private const int NameLength = 24;
    private static readonly TimeSpan s_reportTimeout = TimeSpan.FromSeconds(30);

    private readonly SnapshotUndoRecords<LinuxUndoRecord> _records =
        SnapshotUndoRecords.Linux(recordDirectory, RecordKind, values => values.Find(SnapshotKey), values => values.Find(VolumeKey));

    public string Name => "LINUX_LVM";
    public string Description => "LVM2 snapshots of logical volumes";
    public int Preference => 20;
    public bool TakesSets => false;

    public SnapshotSupport CheckMachine(SnapshotOptions options) =>
        LvmTools.Find(out string? missing) is null ? new SnapshotSupport($"'{missing}' is not installed (the package lvm2)")
        : !LinuxFailure.IsRoot ? new SnapshotSupport("only root may take LVM snapshots")
        : !Directory.Exists("/sys/module/dm_mod") && !Directory.Exists("/dev/mapper") ? new SnapshotSupport("this kernel has no device mapper")
        : SnapshotSupport.Usable;

    public SnapshotSupport CheckVolume(VolumeDescription volume, SnapshotOptions options)
    {
        if (CheckMachine(options) is { IsUsable: false } machine)
            return machine;
        // Every logical volume is a mapped device; LVM's programs need not be started for others.
        if (volume.Kind != VolumeKind.BlockDevice || !volume.Name.StartsWith("/dev/mapper/", StringComparison.Ordinal))
            return new SnapshotSupport($"'{volume.Name}' is not a logical volume");
        if (LvmTools.Find(out _)!.Report(volume.DevicePath, s_reportTimeout, out string fault) is not { } report)
            return new SnapshotSupport($"'{volume.Name}' is not a logical volume that LVM knows ({fault})");
        return WhyNot(report) is { } reason ? new SnapshotSupport(reason) : SnapshotSupport.Usable;
    }

    public ISnapshotSet Create(IReadOnlyList<VolumeDescription> taken, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
    {
        if (taken.Count != 1)
            throw new ArgumentException("LVM takes one volume at a time.", nameof(taken));
        VolumeDescription volume = taken[0];
        LvmTools tools = LvmTools.Find(out string? missing) ?? throw Failed(volume, $"'{missing}' is not installed");
        LogicalVolume origin = tools.Report(volume.DevicePath, s_reportTimeout, out string fault) ?? throw Failed(volume, fault);
        if (WhyNot(origin) is { } reason)
            throw Failed(volume, reason);
        cancellation.ThrowIfCancellationRequested();

        string name = ("imagebackup-" + Guid.NewGuid().ToString("N")).Substring(0, NameLength);
        string fullName = $"{origin.Group}/{name}";
        var values = new Dictionary<string, string> { [VolumeKey] = volume.Name, [SnapshotKey] = fullName };
        LinuxUndoRecord record = _records.Begin(values, (why, _) => Failed(volume, why));
        LvmSnapshotSet set = LvmSnapshotSet.Begin(tools, record, volume, fullName, options.Timeout, log);
        try
        {
            string[] arguments = Arguments(origin, name, options, log);
            log($"lvcreate {string.Join(" ", arguments)}");
            ProgramResult result = set.RunCreate(arguments);
            if (!result.IsGood)
                throw Failed(volume, result.Fault);
            set.Open(volumes());
            cancellation.ThrowIfCancellationRequested();
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    public IReadOnlyList<OrphanSnapshot> FindOrphans() => _records.FindOrphans(Name);

    public void Remove(OrphanSnapshot leftover, Action<string> log) => _records.Remove(leftover, _ => RemoveVolume(leftover, log));

    private static void RemoveVolume(OrphanSnapshot leftover, Action<string> log)
    {
        LvmTools tools = LvmTools.Find(out string? missing)
            ?? throw new ImageBackupException(ErrorId.SnapshotFailed, $"The snapshot '{leftover.Name}' cannot be removed: '{missing}' is not installed.", leftover.Name);
        // Only what bears our mark: the name in a file is not enough to remove a volume.
        LogicalVolume? found = tools.Report(leftover.Name, s_reportTimeout, out string fault);
        if (found is null && !LvmTools.IsGone(fault))
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"The snapshot '{leftover.Name}' cannot be looked for: {fault}", leftover.Name);
        if (found is null || found.Origin.Length == 0 || !found.Tags.Contains(LvmTools.Tag))
            return;
        log($"lvremove {leftover.Name}");
        ProgramResult result = tools.Remove(leftover.Name, new SnapshotOptions().Timeout);
        if (!result.IsGood)
            throw new ImageBackupException(ErrorId.SnapshotFailed, $"The snapshot '{leftover.Name}' could not be removed: {result.Fault}", leftover.Name);
    }

    private static string[] Arguments(LogicalVolume origin, string name, SnapshotOptions options, Action<string> log)
    {
        string[] common = ["-y", "-s", "-n", name, "--addtag", LvmTools.Tag];
        if (origin.IsThin)
            return [.. common, "-kn", "-ay", "--", origin.FullName];
        long wanted = RoundUp(origin.SizeBytes / 100 * options.CacheSizePercent, origin.ExtentBytes);
        long free = origin.GroupFreeBytes / origin.ExtentBytes * origin.ExtentBytes;
        if (wanted > free)
            log(string.Format(CultureInfo.InvariantCulture, "The volume group '{0}' has {1} bytes free, less than the {2} of {3} %: all of it is used.",
                origin.Group, free, wanted, options.CacheSizePercent));
        string extents = (Math.Min(wanted, free) / origin.ExtentBytes).ToString(CultureInfo.InvariantCulture);
        string[] place = options.CacheLocation is { Length: > 0 } location ? [location] : [];
        return [.. common, "-l", extents, "--", origin.FullName, .. place];
    }

    private static string? WhyNot(LogicalVolume volume) =>
        volume.IsClassicSnapshot ? $"'{volume.FullName}' is a snapshot itself"
        : volume.Attributes.Length > 0 && volume.Attributes[0] is 't' or 'T' or 'e' or 'd' or 'D' or 'i' or 'I' or 'l' or 'v'
            ? $"'{volume.FullName}' is a part of another volume"
        : !volume.IsThin && volume.GroupFreeBytes < volume.ExtentBytes ? $"the volume group '{volume.Group}' has no free room for a snapshot"
        : null;

    private static long RoundUp(long bytes, long unitBytes) => Math.Max(1, (bytes + unitBytes - 1) / unitBytes) * unitBytes;

    private static ImageBackupException Failed(VolumeDescription volume, string why) =>
        new(ErrorId.SnapshotFailed, $"LVM cannot take a snapshot of '{volume.Name}': {why}", volume.Name);
}
