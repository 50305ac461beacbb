using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Tests.Kits.Volumes;

/// <summary>A machine's volumes, in memory. A name that begins with '/mem/' is a device; what is not there is not found.</summary>
internal sealed class VolumeDouble : IVolumeSystem
{
    private readonly ConcurrentDictionary<string, MemoryVolume> _volumes = new(StringComparer.Ordinal);

    /// <summary>What <see cref="VolumesUnder"/> says of every path.</summary>
    public IReadOnlyList<string> UnderEverything { get; set; } = [];

    /// <summary>How volumes were opened, in order.</summary>
    public ConcurrentQueue<(string Name, VolumeOpenMode Mode)> Opened { get; } = new();

    public MemoryVolume Add(string name, byte[] content, Func<VolumeDescription, VolumeDescription>? change = null)
    {
        var description = new VolumeDescription { Name = name, DevicePath = name, Kind = VolumeKind.BlockDevice, SizeBytes = content.Length };
        var volume = new MemoryVolume(change?.Invoke(description) ?? description, content);
        _volumes[name] = volume;
        return volume;
    }

    public IReadOnlyList<VolumeDescription> List() => _volumes.Values.Select(v => v.Description).ToList();

    public VolumeDescription Find(string name) => _volumes.TryGetValue(name, out MemoryVolume? volume)
        ? volume.Description
        : throw new ImageBackupException(ErrorId.VolumeNotFound, $"There is no volume '{name}'.", name);

    public IBlockReader OpenRead(VolumeDescription volume, VolumeOpenMode mode)
    {
        Opened.Enqueue((volume.Name, mode));
        return Volume(volume.Name).OpenReader();
    }

    public IBlockWriter OpenTarget(VolumeDescription volume) => Volume(volume.Name).OpenWriter();

    public IReadOnlyList<string> VolumesUnder(string path) => UnderEverything;

    private MemoryVolume Volume(string name) =>
        _volumes.TryGetValue(name, out MemoryVolume? volume) ? volume : throw new ImageBackupException(ErrorId.VolumeNotFound, $"There is no volume '{name}'.", name);
}
