using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;
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

    /// <summary>Called before every attempt to quiesce a volume, with its number from 1; may throw.</summary>
    public Action<VolumeDescription, int>? OnQuiesce { get; set; }

    /// <summary>What a quiesced volume answers when it is asked, and when it is released.</summary>
    public Func<string?>? Disturbance { get; set; }

    /// <summary>What programs are said to notice while a volume is quiesced.</summary>
    public string? Disruption { get; set; }
    public IReadOnlyList<string> NotPutBack { get; set; } = [];

    /// <summary>What killed runs left; handed out once.</summary>
    public IReadOnlyList<string> LeftQuiesced { get; set; } = [];

    public IReadOnlyList<LeftVolume> FindLeftQuiesced() => [.. LeftQuiesced.Select(line => new LeftVolume(line, "/srv"))];

    public int QuiesceAttempts { get; private set; }

    /// <summary>Quiesced volumes that were not released.</summary>
    public int QuiescedCount { get; private set; }

    public IQuiescedVolume OpenQuiesced(VolumeDescription volume, IReadOnlyList<string> neededPaths)
    {
        OnQuiesce?.Invoke(volume, ++QuiesceAttempts);
        IBlockReader reader = OpenRead(volume, VolumeOpenMode.Exclusive);
        QuiescedCount++;
        return new Resting(this, reader);
    }

    /// <summary>Why a volume can never be quiesced, by its name.</summary>
    public Dictionary<string, string> Needed { get; } = [];

    public string? WhyNeeded(VolumeDescription volume, IReadOnlyList<string> neededPaths) => Needed.TryGetValue(volume.Name, out string? why) ? why : null;

    public IReadOnlyList<string> RestoreLeftQuiesced(string? volumeName = null)
    {
        IReadOnlyList<string> left = LeftQuiesced;
        LeftQuiesced = [];
        return left;
    }

    private sealed class Resting(VolumeDouble system, IBlockReader reader) : IQuiescedVolume
    {
        private bool _isReleased;

        public IBlockReader Reader => reader;
        public string How => "held exclusively";
        public string? Disruption => system.Disruption;
        public string? Disturbance() => system.Disturbance?.Invoke();

        public IReadOnlyList<string> Release()
        {
            if (_isReleased)
                return [];
            _isReleased = true;
            reader.Dispose();
            system.QuiescedCount--;
            return system.NotPutBack;
        }

        public void Dispose() => Release();
    }

    /// <summary>Called between the look at a target and its opening.</summary>
    public Action? OnOpenTarget { get; set; }

    public IBlockWriter OpenTarget(VolumeDescription volume)
    {
        OnOpenTarget?.Invoke();
        MemoryVolume opened = Volume(volume.Name);
        return opened.Description.Instance is { } now && volume.Instance?.DifferenceFrom(now) is { } difference
            ? throw new ImageBackupException(ErrorId.TargetChanged, difference, volume.Name)
            : opened.OpenWriter();
    }

    public IReadOnlyList<string> VolumesUnder(string path) => UnderEverything;

    private MemoryVolume Volume(string name) =>
        _volumes.TryGetValue(name, out MemoryVolume? volume) ? volume : throw new ImageBackupException(ErrorId.VolumeNotFound, $"There is no volume '{name}'.", name);
}
