using System.Collections.Generic;

namespace ImageBackup.Engine.Volumes.Linux.Devices;

/// <summary>Who uses a device: what stands in the way of opening it exclusively.</summary>
/// <param name="IsSystem">The running system is on it.</param>
/// <param name="Mounts">Mounts of the device, of its partitions and of the disk that it is part of, in words.</param>
/// <param name="Holders">What stacks on any of those, in words.</param>
internal sealed record DeviceUse(bool IsSystem, IReadOnlyList<string> Mounts, IReadOnlyList<string> Holders)
{
    public string MountText => string.Join(", ", Mounts);
    public string HolderText => string.Join(", ", Holders);
}
