using System.Collections.Generic;

namespace ImageBackup.Engine.Volumes.Linux;

internal sealed partial class LinuxVolumeSystem
{
    public IRestingVolume OpenResting(VolumeDescription volume, IReadOnlyList<string> neededPaths) =>
        new HeldVolume(OpenRead(volume, VolumeOpenMode.Exclusive));

    public IReadOnlyList<string> RestoreLeftResting() => [];
}
