using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes;

/// <summary>How a source is opened.</summary>
public enum VolumeOpenMode
{
    /// <summary>Shared: others may write while it is read.</summary>
    Shared,

    /// <summary>Exclusive: nobody else may mount or hold it (O_EXCL; FSCTL_LOCK_VOLUME; a write lock on a file).</summary>
    Exclusive,
}

/// <summary>The operating system's volumes. One implementation a system; tests have a double.</summary>
/// <remarks>Contract: any thread; nothing is cached, every call asks the system.</remarks>
public interface IVolumeSystem
{
    /// <summary>All volumes of this machine that could be imaged. Devices that cannot be opened are listed with what is known.</summary>
    IReadOnlyList<VolumeDescription> List();

    /// <summary>
    /// Finds one volume by device path, mount point, letter, \\?\Volume{guid}\, or a plain file's path.
    /// LABEL= and UUID= are not this layer's (they need the probe).
    /// </summary>
    /// <exception cref="Errors.ImageBackupException">VolumeNotFound, VolumeAccessDenied, NotElevated.</exception>
    VolumeDescription Find(string name);

    /// <exception cref="Errors.ImageBackupException">VolumeNotFound, VolumeInUse, VolumeAccessDenied, NotElevated, VolumeEmpty.</exception>
    IBlockReader OpenRead(VolumeDescription volume, VolumeOpenMode mode);

    /// <summary>
    /// Opens a device as the target of a restore, exclusively, and keeps it so until disposed. Checked on the open
    /// handle itself: not mounted, not held, not the system's.
    /// </summary>
    /// <exception cref="Errors.ImageBackupException">TargetMounted, TargetInUse, TargetIsSystem, VolumeNotFound, VolumeAccessDenied, NotElevated.</exception>
    IBlockWriter OpenTarget(VolumeDescription volume);

    /// <summary>The name of the volume (as in <see cref="VolumeDescription.Name"/>) and all it stacks on, on which a file or directory lies.</summary>
    IReadOnlyList<string> VolumesUnder(string path);
}
