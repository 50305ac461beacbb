using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes;

/// <summary>How a source is opened.</summary>
internal enum VolumeOpenMode
{
    /// <summary>
    /// Shared, for imaging: others may write while it is read. What the system still holds in memory is put on the
    /// volume first, if the user may do that.
    /// </summary>
    Shared,

    /// <summary>Exclusive: nobody else may mount or hold it (O_EXCL; FSCTL_LOCK_VOLUME; a write lock on a file).</summary>
    Exclusive,

    /// <summary>Shared, for a look at what is on it: nothing is flushed, so it costs and disturbs nothing.</summary>
    Probe,
}

/// <summary>The operating system's volumes. One implementation a system; tests have a double.</summary>
/// <remarks>Contract: any thread; nothing is cached, every call asks the system.</remarks>
internal interface IVolumeSystem
{
    /// <summary>All volumes of this machine that could be imaged. Devices that cannot be opened are listed with what is known.</summary>
    IReadOnlyList<VolumeDescription> List();

    /// <summary>
    /// Finds one volume by device path, mount point, letter, \\?\Volume{guid}\, or a plain file's path; on Linux also
    /// by a bare device name (sda1, vg-lv), which goes before a file of that name.
    /// LABEL= and UUID= are not this layer's (they need the probe).
    /// </summary>
    /// <exception cref="ImageBackupException">VolumeNotFound, VolumeAccessDenied, NotElevated.</exception>
    VolumeDescription Find(string name);

    /// <summary>
    /// Opens a volume for reading. The reader is an <see cref="ILengthQuery"/>, and for a plain file an
    /// <see cref="ISparseBlockReader"/>.
    /// </summary>
    /// <exception cref="ImageBackupException">
    /// VolumeNotFound, VolumeInUse, VolumeAccessDenied, NotElevated, VolumeEmpty, ReadFailed.
    /// </exception>
    IBlockReader OpenRead(VolumeDescription volume, VolumeOpenMode mode);

    /// <summary>
    /// One attempt to quiesce a volume for a static image, and to open it. Not mounted: held exclusively, as
    /// <see cref="VolumeOpenMode.Exclusive"/>. Mounted: Linux remounts the file system read-only, in all its mounts;
    /// Windows locks and dismounts it. Never done to a volume that the system, this process's temporary files or a
    /// needed path lie on.
    /// </summary>
    /// <param name="volume">Which one; looked up anew.</param>
    /// <param name="neededPaths">Files and directories that must stay writable: the repository.</param>
    /// <exception cref="ImageBackupException">
    /// As <see cref="OpenRead"/>. VolumeInUse: somebody uses it now, and the message says who if that can be told; another
    /// attempt may succeed. VolumeNeeded: the system or a needed path is on it; no attempt will.
    /// </exception>
    IQuiescedVolume OpenQuiesced(VolumeDescription volume, IReadOnlyList<string> neededPaths);

    /// <summary>
    /// Why the volume can never be quiesced, in a clause without a capital or a full stop: the running system or a needed path lies
    /// on it. Null: nothing known forbids it. Opens nothing.
    /// </summary>
    /// <param name="volume">Which one; looked up anew.</param>
    /// <param name="neededPaths">As for <see cref="OpenQuiesced"/>.</param>
    string? WhyNeeded(VolumeDescription volume, IReadOnlyList<string> neededPaths);

    /// <summary>The volumes that killed runs left quiesced and that still are. Changes nothing. Never throws.</summary>
    IReadOnlyList<LeftVolume> FindLeftQuiesced();

    /// <summary>
    /// Puts back the volumes that killed runs left quiesced. Gives a line for each: which volume, what was done or why it
    /// could not be. Never throws.
    /// </summary>
    /// <param name="volumeName">Only this one; null: all.</param>
    IReadOnlyList<string> RestoreLeftQuiesced(string? volumeName = null);

    /// <summary>
    /// Opens a device as the target of a restore, exclusively, and keeps it so until disposed. Checked on the open
    /// handle itself: not mounted (a disk: none of its partitions), not held, not the system's, not read-only.
    /// Windows mounts whatever is opened, so there the volume is locked and dismounted, and one with open files is
    /// TargetInUse. A plain file is opened in place with its length; see <see cref="FileTarget"/> for another.
    /// </summary>
    /// <exception cref="ImageBackupException">
    /// TargetMounted, TargetInUse, TargetIsSystem, VolumeNotFound, VolumeAccessDenied (also: read-only), NotElevated,
    /// ReadFailed, TargetInvalid (Windows: a device that is not a volume).
    /// </exception>
    IBlockWriter OpenTarget(VolumeDescription volume);

    /// <summary>
    /// The volume (as in <see cref="VolumeDescription.Name"/>) on which a file or directory lies, and all that it
    /// stacks on: partitions' disks, the devices below dm and md, and the path and volumes of a file behind a loop
    /// device. The path need not exist; the nearest directory above it counts. Empty for network and memory file
    /// systems.
    /// </summary>
    IReadOnlyList<string> VolumesUnder(string path);
}

/// <summary>A volume that a killed run left quiesced.</summary>
/// <param name="Name">As <see cref="VolumeDescription.Name"/>.</param>
/// <param name="MountPoint">Where it was mounted when it was quiesced.</param>
internal sealed record LeftVolume(string Name, string MountPoint);
