using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes.Windows;

internal sealed partial class WindowsVolumeSystem
{
    public IRestingVolume OpenResting(VolumeDescription volume, IReadOnlyList<string> neededPaths) =>
        new HeldVolume(OpenRead(volume, VolumeOpenMode.Exclusive));

    /// <summary>Windows drops a lock with the handle: a killed run leaves none.</summary>
    public IReadOnlyList<string> RestoreLeftResting() => [];
}
