using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Tests.Kits.Volumes;

/// <summary>A provider that freezes volumes by copying their bytes into memory, with a script for what goes wrong.</summary>
internal sealed class SnapshotProviderDouble(IVolumeSystem volumes, string name = "DOUBLE", int preference = 20) : ISnapshotProvider
{
    private readonly Lock _gate = new();

    public string Name => name;
    public string Description => "a double";
    public int Preference => preference;
    public bool TakesSets { get; set; }
    public string? MachineWhyNot { get; set; }
    public string? VolumeWhyNot { get; set; }

    /// <summary>Only these volumes; null: all.</summary>
    public Func<VolumeDescription, bool>? Takes { get; set; }

    /// <summary>Called before a snapshot is taken; may throw.</summary>
    public Action<IReadOnlyList<VolumeDescription>>? OnCreate { get; set; }

    /// <summary>Given each frozen copy, to script what is read of it.</summary>
    public Action<VolumeDescription, MemoryVolume>? OnFrozen { get; set; }

    /// <summary>The volumes of each set that was taken, in order.</summary>
    public List<IReadOnlyList<string>> Sets { get; } = [];

    /// <summary>What a snapshot answers, by how often it was asked (from 1).</summary>
    public Func<int, SnapshotState> State { get; set; } = _ => new SnapshotState { IsValid = true, CacheBytes = 1000, CacheUsedBytes = 10 };
    public List<SnapshotDocument> Documents { get; } = [];
    public List<string> Warnings { get; } = [];
    public List<string> CompleteWarnings { get; } = [];
    public List<OrphanSnapshot> Orphans { get; } = [];
    public Func<OrphanSnapshot, Exception?> RemoveFails { get; set; } = _ => null;
    public SnapshotOptions? Options { get; private set; }

    /// <summary>What was called, in order: check, create, open, complete true, dispose, remove x.</summary>
    public List<string> Calls { get; } = [];

    public void Note(string call)
    {
        lock (_gate)
            Calls.Add(call);
    }

    public SnapshotSupport CheckMachine(SnapshotOptions options) => new(MachineWhyNot);

    public SnapshotSupport CheckVolume(VolumeDescription volume, SnapshotOptions options) =>
        new(Takes?.Invoke(volume) == false ? "it is none of the double's" : VolumeWhyNot);

    public ISnapshotSet Create(IReadOnlyList<VolumeDescription> taken, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
    {
        Note("create");
        Options = options;
        OnCreate?.Invoke(taken);
        cancellation.ThrowIfCancellationRequested();
        Sets.Add([.. taken.Select(volume => volume.Name)]);
        return new Set(this, [.. taken.Select(volume => new Snapshot(this, volume, Frozen(volume)))]);
    }

    public IReadOnlyList<OrphanSnapshot> FindOrphans() => [.. Orphans];

    public void Remove(OrphanSnapshot leftover, Action<string> log)
    {
        Note("remove " + leftover.Name);
        if (RemoveFails(leftover) is { } failure)
            throw failure;
        Orphans.Remove(leftover);
    }

    private MemoryVolume Frozen(VolumeDescription volume)
    {
        using IBlockReader reader = volumes.OpenRead(volume, VolumeOpenMode.Probe);
        byte[] bytes = new byte[reader.LengthBytes];
        reader.ReadAt(0, bytes);
        string name = volume.Name + "-frozen";
        MemoryVolume frozen = volumes is VolumeDouble machine
            ? machine.Add(name, bytes)
            : new MemoryVolume(volume with { Name = name, DevicePath = name, MountPoints = [] }, bytes);
        OnFrozen?.Invoke(volume, frozen);
        return frozen;
    }

    private sealed class Set(SnapshotProviderDouble provider, IReadOnlyList<ISnapshot> snapshots) : ISnapshotSet
    {
        private bool _isDisposed;

        public string ProviderName => provider.Name;
        public DateTimeOffset Time { get; } = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);
        public IReadOnlyList<ISnapshot> Snapshots => snapshots;
        public IReadOnlyList<SnapshotDocument> Documents => provider.Documents;
        public IReadOnlyList<string> Warnings => provider.Warnings;

        public IReadOnlyList<string> Complete(bool succeeded)
        {
            provider.Note("complete " + succeeded);
            return provider.CompleteWarnings;
        }

        public void Dispose()
        {
            if (!_isDisposed)
                provider.Note("dispose");
            _isDisposed = true;
        }
    }

    private sealed class Snapshot(SnapshotProviderDouble provider, VolumeDescription volume, MemoryVolume frozen) : ISnapshot
    {
        private int _asked;

        public VolumeDescription Volume => volume;
        public string DevicePath => frozen.Description.DevicePath;

        public IBlockReader OpenRead()
        {
            provider.Note("open");
            return frozen.OpenReader();
        }

        public SnapshotState QueryState() => provider.State(Interlocked.Increment(ref _asked));
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class EventCollector : IEventSink
{
    private readonly List<LoggedEvent> _events = [];

    public string Description => "a list";

    public IReadOnlyList<LoggedEvent> Events
    {
        get
        {
            lock (_events)
                return [.. _events];
        }
    }

    public IEnumerable<EventId> Ids => Events.Select(e => e.Id);

    public void Write(LoggedEvent happened)
    {
        lock (_events)
            _events.Add(happened);
    }

    public void Dispose()
    {
    }
}
