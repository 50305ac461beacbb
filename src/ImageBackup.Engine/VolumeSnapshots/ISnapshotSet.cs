using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>
/// The frozen copies of one or several volumes. Dispose removes them, on every way out; it never throws (what cannot be
/// removed stays a left-over that the next run finds) and may be called twice and from another thread than the one that copies:
/// the process may be ending.
/// </summary>
internal interface ISnapshotSet : IDisposable
{
    /// <summary>The provider's.</summary>
    string ProviderName { get; }

    /// <summary>The moment that the copies show.</summary>
    DateTimeOffset Time { get; }

    /// <summary>In the order of the volumes given to Create.</summary>
    IReadOnlyList<ISnapshot> Snapshots { get; }

    /// <summary>What belongs to the set and is stored with each image of it (VSS: the components document, the writers' metadata).</summary>
    IReadOnlyList<SnapshotDocument> Documents { get; }

    /// <summary>What the user has to know of the set's making; recorded with each image.</summary>
    IReadOnlyList<string> Warnings { get; }

    /// <summary>
    /// The copying has ended: tells applications that take part whether their data was saved. At most once, before Dispose;
    /// without it, Dispose aborts.
    /// </summary>
    /// <returns>Warnings. Never throws.</returns>
    IReadOnlyList<string> Complete(bool succeeded);
}

/// <summary>One volume's frozen copy.</summary>
internal interface ISnapshot
{
    /// <summary>The volume that it is a copy of.</summary>
    VolumeDescription Volume { get; }

    /// <summary>What is read: /dev/mapper/vg-ib..., \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopyN.</summary>
    string DevicePath { get; }

    /// <summary>Opens the copy. As long as the volume; an <see cref="ILengthQuery"/>. Once; dispose it before the set.</summary>
    /// <exception cref="ImageBackupException">As <see cref="IVolumeSystem.OpenRead"/>.</exception>
    IBlockReader OpenRead();

    /// <summary>
    /// How the copy is now. Asked about once a second while copying, from another thread than the copying one, and once
    /// after the last byte was read: an image whose last answer is not valid is never recorded. Never throws; if it cannot
    /// be asked, that is a fault. After Dispose the last answer comes back.
    /// </summary>
    SnapshotState QueryState();
}

/// <summary>A file that is stored beside an image.</summary>
/// <param name="Name">Of letters, digits, dots and hyphens; it becomes a file's name in a directory of the image's tree that is called after the provider: vss/components.xml.</param>
internal sealed record SnapshotDocument(string Name, byte[] Content);
