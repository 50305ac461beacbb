using System;
using System.Collections.Generic;

namespace ImageBackup;

/// <summary>What a volume is to the system.</summary>
internal enum VolumeKind
{
    /// <summary>A Linux block device.</summary>
    BlockDevice,

    /// <summary>A plain file that holds a raw volume.</summary>
    File,

    /// <summary>A Windows volume.</summary>
    WindowsVolume,
}
