using System;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>The shadow copy of one volume of a set.</summary>
/// <param name="system">Opens it.</param>
/// <param name="volume">The volume.</param>
/// <param name="device">The path of the copy.</param>
/// <param name="query">Asks for its state.</param>
/// <param name="isGone">Whether the set was given back: then the last known state holds.</param>
internal sealed class ShadowCopy(Func<IVolumeSystem> system, VolumeDescription volume, string device, Func<SnapshotState> query, Func<bool> isGone) : ISnapshot
{
    private SnapshotState? _last;

    public VolumeDescription Volume => volume;
    public string DevicePath => device;

    public IBlockReader OpenRead()
    {
        IVolumeSystem volumes = system();
        return volumes.OpenRead(volumes.Find(device), VolumeOpenMode.Probe);
    }

    public SnapshotState QueryState()
    {
        if (isGone() && _last is { } last)
            return last;
        return _last = query();
    }
}
