using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>Takes point-in-time copies of volumes. One implementation a mechanism; tests have a scripted double.</summary>
/// <remarks>
/// Contract: any thread, several sets at a time; nothing is cached, every call asks the system. No call waits for ever: each
/// step outside this process ends with <see cref="SnapshotOptions.Timeout"/>.
/// </remarks>
internal interface ISnapshotProvider
{
    /// <summary>As rules and -SnapshotProvider name it: LINUX_LVM, VSS, WMI, COMMAND. Upper case; recorded in the image.</summary>
    string Name { get; }

    /// <summary>One line for people.</summary>
    string Description { get; }

    /// <summary>
    /// If no provider is named, the usable one with the lowest number is taken: 10 if applications take part, 20
    /// if the system keeps the volume as a crash would leave it, 30 by the administrator's commands.
    /// </summary>
    int Preference { get; }

    /// <summary>Several volumes can be taken at one and the same moment.</summary>
    bool TakesSets { get; }

    /// <summary>Whether this machine has what the provider needs, and why not. Never throws; changes nothing; quick.</summary>
    SnapshotSupport CheckMachine(SnapshotOptions options);

    /// <summary>Whether it could take this volume now, and why not. Never throws; changes nothing.</summary>
    SnapshotSupport CheckVolume(VolumeDescription volume, SnapshotOptions options);

    /// <summary>
    /// Takes all volumes at one moment. When it throws nothing is left behind, and if something had to be it is found by
    /// <see cref="FindOrphans"/>.
    /// </summary>
    /// <param name="volumes">One or more; more than one only if <see cref="TakesSets"/>.</param>
    /// <param name="options">How.</param>
    /// <param name="log">Lines for the log: what was called, what it said.</param>
    /// <param name="cancellation">Cancelled: everything begun is undone, then OperationCanceledException.</param>
    /// <exception cref="ImageBackupException">
    /// <see cref="ErrorId.SnapshotFailed"/> and whatever else is wrong with the volume: the caller may fall over to
    /// another image type. VolumeNotFound, NotElevated.
    /// </exception>
    ISnapshotSet Create(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation);

    /// <summary>The orphan snapshots of killed runs on this machine. A set of a living process is not an orphan. Never throws.</summary>
    IReadOnlyList<OrphanSnapshot> FindOrphans();

    /// <summary>Removes one of <see cref="FindOrphans"/>'.</summary>
    /// <exception cref="ImageBackupException">SnapshotFailed: it is still there.</exception>
    void Remove(OrphanSnapshot leftover, Action<string> log);
}
