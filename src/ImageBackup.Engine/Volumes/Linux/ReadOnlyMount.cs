using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.Volumes.Linux.InUse;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.Volumes.Linux;

/// <summary>
/// A mounted file system that was remounted read-only. The kernel does that to the file system itself, so it holds for all its
/// mounts, in every namespace, and refuses while anybody has a file open for writing.
/// </summary>
internal sealed class ReadOnlyMount : IQuiescedVolume
{
    public const string RecordKind = "remount";
    private const string VolumeKey = "volume", DeviceKey = "device", PointKey = "mountPoint", FlagsKey = "flags", OptionsKey = "options",
        OwnReadOnlyKey = "mountWasReadOnly", NamespaceKey = "mountNamespace";

    private const string NamespacePath = "/proc/self/ns/mnt";

    private readonly LinuxRoots _roots;
    private readonly LinuxUndoRecord? _record;
    private readonly DeviceNumber _device;
    private readonly string _volume;
    private readonly ExitUndo? _exit;
    private readonly object _gate = new();
    private IReadOnlyList<string>? _released;

    /// <param name="roots">Where /proc is.</param>
    /// <param name="volume">For messages.</param>
    /// <param name="device">The file system's device, as mountinfo has it.</param>
    /// <param name="points">All its mount points.</param>
    /// <param name="undo">What must be undone, and what does so at the process's end; null: it was read-only before.</param>
    /// <param name="open">Opens the device; when it throws, the volume is put back.</param>
    private ReadOnlyMount(LinuxRoots roots, string volume, DeviceNumber device, IReadOnlyList<string> points,
        (LinuxUndoRecord Record, ExitUndo Exit)? undo, Func<IBlockReader> open)
    {
        _exit = undo?.Exit;
        _roots = roots;
        _volume = volume;
        _device = device;
        _record = undo?.Record;
        if (_record is not null)
        {
            Disruption = $"'{volume}' was writable and is read-only at {string.Join(", ", points)} until it is copied: programs that write to it meanwhile get an error.";
        }
        How = (_record is null ? "mounted read-only already at " : "remounted read-only at ") + string.Join(", ", points);
        try
        {
            Reader = open();
        }
        catch
        {
            Reader = null!;
            Release();
            throw;
        }
    }

    public IBlockReader Reader { get; }

    public string How { get; }

    public string? Disruption { get; }

    /// <exception cref="ImageBackupException">VolumeInUse, NotElevated, and what <paramref name="open"/> throws.</exception>
    public static ReadOnlyMount Take(LinuxRoots roots, VolumeDescription volume, IReadOnlyList<MountEntry> mounts, Func<IBlockReader> open)
    {
        string name = volume.Name;
        DeviceNumber device = mounts[0].Device;
        IReadOnlyList<string> points = [.. mounts.Select(mount => mount.MountPoint).Distinct()];
        if (LinuxUndoRecord.Living(LinuxUndoRecord.PassingDirectory, RecordKind).Any(values => values.Find(DeviceKey) == device.ToString()))
            throw new ImageBackupException(ErrorId.VolumeInUse, $"Another backup of '{name}' holds it read-only.", name);
        // One remount holds for all mounts of one file system; two drivers on one device are two file systems.
        if (mounts.FirstOrDefault(mount => mount.Device != device) is { } other)
        {
            throw new ImageBackupException(ErrorId.VolumeInUse,
                $"'{name}' is mounted by more than one file system driver, at '{mounts[0].MountPoint}' and at '{other.MountPoint}': unmount one of them.", name);
        }
        if (mounts.All(MountFlags.IsSuperReadOnly) && !mounts.Any(mount => mount.IsFuse && mount.Device.IsAnonymous))
            return new ReadOnlyMount(roots, name, device, points, null, open);
        if (mounts.FirstOrDefault(mount => mount.IsFuse) is { } fuse)
        {
            throw new ImageBackupException(ErrorId.VolumeInUse,
                $"'{name}' is mounted at '{fuse.MountPoint}' by a driver in user space ({fuse.FileSystem}), which keeps data in its own memory: unmount it.", name);
        }
        if (!LinuxFailure.IsRoot)
            throw new ImageBackupException(ErrorId.NotElevated, $"Only root may remount '{name}' read-only.", name);
        // A path can be covered by another mount; only one that leads to the file system will do. One that is writable
        // itself goes first: remounting sets the mount's own flag too.
        MountEntry mount = mounts.Where(IsReachable).OrderBy(MountFlags.IsMountReadOnly).FirstOrDefault()
            ?? throw new ImageBackupException(ErrorId.VolumeInUse, $"No mount point of '{name}' can be reached: {string.Join(", ", points)}.", name);

        ReadOnlyMount? taken = null;
        ExitUndo exit = ExitCleanup.Hold(() => taken?.Release());
        try
        {
            return exit.Do(_ => taken = Remounted());
        }
        catch
        {
            exit.Cancel();
            throw;
        }

        ReadOnlyMount Remounted()
        {
            LinuxUndoRecord record = Record(volume, mount);
            int errno = Remount(mount.MountPoint, MountFlags.Of(mount) | Libc.MS_RDONLY, "");
            if (errno == 0)
                return new ReadOnlyMount(roots, name, device, points, (record, exit), open);
            record.Remove();
            if (errno == Errno.EBUSY && IsFrozen(roots, mount))
            {
                throw new ImageBackupException(ErrorId.VolumeInUse,
                    $"'{name}' ({string.Join(", ", points)}) is frozen (fsfreeze): every write to it waits, and it cannot be remounted.", name)
                {
                    RecommendedAction = $"Wait for the program that froze it (a snapshot, a backup agent), or thaw it with 'fsfreeze --unfreeze {mount.MountPoint}'.",
                };
            }
            throw errno == Errno.EBUSY
                ? new ImageBackupException(ErrorId.VolumeInUse, $"'{name}' ({string.Join(", ", points)}) is in use{Users(roots, device)}.", name)
                : new ImageBackupException(ErrorId.VolumeInUse, $"'{name}' could not be remounted read-only at '{mount.MountPoint}': {Errno.Describe(errno)}.", name);
        }
    }

    /// <summary>The volume that a killed run left read-only; null if there is nothing to undo: it was unmounted, remounted or restarted since.</summary>
    public static LeftVolume? Left(LinuxRoots roots, UndoRecordContent record)
    {
        if (!record.IsOfThisBoot || DeviceNumber.Parse(record.Values.Find(DeviceKey) ?? "") is not { } device)
            return null;
        IReadOnlyList<MountEntry> mounts = MountsOf(roots, device);
        return mounts.Count > 0 && mounts.All(MountFlags.IsSuperReadOnly)
            ? new LeftVolume(record.Values.Find(VolumeKey) ?? "?", record.Values.Find(PointKey) ?? "?")
            : null;
    }

    /// <summary>The volume of a record; null if it names none.</summary>
    public static string? VolumeOf(IReadOnlyDictionary<string, string> values) => values.Find(VolumeKey);

    /// <summary>Undoes the remount of a killed run. Null if there is nothing to undo.</summary>
    public static string? PutBackLeft(LinuxRoots roots, LinuxUndoRecord record)
    {
        string volume = record.Values.Find(VolumeKey) ?? "?";
        if (!record.IsOfThisBoot)
        {
            record.Remove();
            return null;
        }
        IReadOnlyList<string> faults = PutBack(roots, record.Values, out bool wasUndone);
        if (faults.Count > 0)
        {
            record.Dispose();
            return string.Join(" ", faults);
        }
        record.Remove();
        return wasUndone ? $"'{volume}', which a killed run left read-only at '{record.Values.Find(PointKey)}', is writable again." : null;
    }

    public string? Disturbance()
    {
        IReadOnlyList<MountEntry> mounts = MountsOf(_roots, _device);
        return mounts.Count == 0 ? "it was unmounted"
            : mounts.Any(mount => !MountFlags.IsSuperReadOnly(mount)) ? "another program remounted it writable"
            : null;
    }

    public IReadOnlyList<string> Release()
    {
        IReadOnlyList<string> faults;
        lock (_gate)
            faults = _released ??= ReleaseOnce();
        // Outside of our gate, which the undo takes from inside of its own.
        _exit?.Cancel();
        return faults;
    }

    public void Dispose() => Release();

    private IReadOnlyList<string> ReleaseOnce()
    {
        Reader?.Dispose();
        if (_record is null)
            return [];
        IReadOnlyList<string> faults = PutBack(_roots, _record.Values, out _);
        if (faults.Count == 0)
            _record.Remove();
        else
            _record.Dispose();
        return faults;
    }

    private static LinuxUndoRecord Record(VolumeDescription volume, MountEntry mount)
    {
        var values = new Dictionary<string, string>
        {
            [VolumeKey] = volume.Name,
            [DeviceKey] = mount.Device.ToString(),
            [PointKey] = mount.MountPoint,
            [FlagsKey] = MountFlags.Of(mount).ToString(CultureInfo.InvariantCulture),
            [OptionsKey] = mount.SuperOptions,
            [OwnReadOnlyKey] = MountFlags.IsMountReadOnly(mount) ? "yes" : "no",
            [NamespaceKey] = LinuxPath.TryReadLink(NamespacePath) ?? "",
        };
        try
        {
            return LinuxUndoRecord.Create(LinuxUndoRecord.PassingDirectory, RecordKind, values);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageBackupException(ErrorId.VolumeInUse,
                $"'{volume.Name}' is not remounted, because it could not be written down that it must be put back: {e.Message}", volume.Name, e);
        }
    }

    /// <summary>Gives what could not be put back, in words.</summary>
    private static IReadOnlyList<string> PutBack(LinuxRoots roots, IReadOnlyDictionary<string, string> values, out bool wasUndone)
    {
        wasUndone = false;
        string volume = values.Find(VolumeKey) ?? "?", point = values.Find(PointKey) ?? "", options = values.Find(OptionsKey) ?? "";
        if (DeviceNumber.Parse(values.Find(DeviceKey) ?? "") is not { } device || !ulong.TryParse(values.Find(FlagsKey), out ulong flags))
            return [$"The undo record of '{volume}' cannot be read."];
        IReadOnlyList<MountEntry> mounts = MountsOf(roots, device);
        // Another container's mounts are not seen from here: it has to put back its own.
        if (mounts.Count == 0 && values.Find(NamespaceKey) is { Length: > 0 } space && space != LinuxPath.TryReadLink(NamespacePath))
            return [$"'{volume}' is not mounted here; it was quiesced in another mount namespace ({space})."];
        // Unmounted, or made writable by somebody else, meanwhile: nothing is left to do.
        if (mounts.Count == 0 || mounts.All(mount => !MountFlags.IsSuperReadOnly(mount)))
            return [];
        MountEntry? mount = mounts.Where(IsReachable).OrderBy(candidate => candidate.MountPoint != point).FirstOrDefault();
        if (mount is null)
            return [$"'{volume}' is still read-only: none of its mount points can be reached."];
        int errno = Remount(mount.MountPoint, flags, "");
        if (errno != 0)
            return [$"'{volume}' could not be made writable again at '{mount.MountPoint}': {Errno.Describe(errno)}."];
        wasUndone = true;
        if (values.Find(OwnReadOnlyKey) == "yes")
            Remount(mount.MountPoint, flags | Libc.MS_BIND | Libc.MS_RDONLY, "");
        // Some drivers forget options that they are not told again.
        string wanted = MountFlags.WithoutAccess(options);
        if (Current() is { } changed && changed != wanted)
        {
            Remount(mount.MountPoint, flags, wanted);
            if (Current() is { } still && still != wanted)
                return [$"'{volume}' is writable again at '{mount.MountPoint}', but its options are '{still}' and were '{wanted}'."];
        }
        return [];

        string? Current() => MountsOf(roots, device).Select(entry => MountFlags.WithoutAccess(entry.SuperOptions)).FirstOrDefault();
    }

    /// <summary>
    /// The kernel refuses every remount of a frozen file system before it looks at it, also one that changes nothing. No other
    /// question can be put: freezing it to see whether it is frozen would freeze it.
    /// </summary>
    private static bool IsFrozen(LinuxRoots roots, MountEntry mount)
    {
        if (Remount(mount.MountPoint, MountFlags.Of(mount), "") == Errno.EBUSY)
            return true;
        // Some drivers forget options that they are not told again.
        string wanted = MountFlags.WithoutAccess(mount.SuperOptions);
        if (MountsOf(roots, mount.Device).Any(entry => MountFlags.WithoutAccess(entry.SuperOptions) != wanted))
            Remount(mount.MountPoint, MountFlags.Of(mount), wanted);
        return false;
    }

    private static bool IsReachable(MountEntry mount) =>
        FileStatus.OfPath(mount.MountPoint) is { } status && (status.MountId is { } id ? id == mount.Id : status.Device == mount.Device);

    private static IReadOnlyList<MountEntry> MountsOf(LinuxRoots roots, DeviceNumber device) =>
        [.. MountTable.Parse(LinuxRoots.TryReadText(Path.Combine(roots.Proc, "self", "mountinfo")) ?? "").Where(mount => mount.Device == device)];

    /// <summary>0, or the error number.</summary>
    private static int Remount(string mountPoint, ulong flags, string data) =>
        Libc.mount(null, LinuxPath.ToNative(mountPoint), null, (nuint)(flags | Libc.MS_REMOUNT), data.Length == 0 ? null : LinuxPath.ToNative(data)) == 0
            ? 0
            : Marshal.GetLastWin32Error();

    private static string Users(LinuxRoots roots, DeviceNumber device)
    {
        IReadOnlyList<VolumeUser> users = ProcessUse.Writers(roots, device);
        return users.Count == 0 ? "" : " by " + string.Join(", ", users);
    }
}
