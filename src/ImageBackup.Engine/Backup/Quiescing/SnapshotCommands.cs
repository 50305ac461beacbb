using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.VolumeSnapshots.Commands;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>A pair of commands around a snapshot, and the volumes that name it. Each pair runs once, however many do.</summary>
internal sealed record SnapshotCommands
{
    public string? Before { get; private init; }
    public string? After { get; private init; }
    public required TimeSpan Timeout { get; init; }

    /// <summary>The first volume that names the pair.</summary>
    public required string VolumeName { get; init; }

    /// <summary>The same for both commands, and no other pair's.</summary>
    public required string Id { get; init; }

    /// <summary>What the commands find in their environment.</summary>
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>The pairs of all, in the order in which they are first named; a volume without commands adds none.</summary>
    public static IEnumerable<SnapshotCommands> Of(IReadOnlyList<BackupRequest> requests) => requests
        .Where(request => request.Quiesce.PreSnapshotCommand is not null || request.Quiesce.PostSnapshotCommand is not null)
        .GroupBy(request => (request.Quiesce.PreSnapshotCommand, request.Quiesce.PostSnapshotCommand))
        .Select(pair => Of(pair.Key.PreSnapshotCommand, pair.Key.PostSnapshotCommand, [.. pair]));

    private static SnapshotCommands Of(string? before, string? after, IReadOnlyList<BackupRequest> requests) =>
        Of(before, after, requests, Guid.NewGuid().ToString("N"));

    private static SnapshotCommands Of(string? before, string? after, IReadOnlyList<BackupRequest> requests, string id) => new()
    {
        Before = before,
        After = after,
        Id = id,
        Timeout = requests[0].Quiesce.CommandTimeout,
        VolumeName = requests[0].Volume.Name,
        Variables = new Dictionary<string, string>
        {
            ["IMAGEBACKUP_VOLUME"] = requests[0].Volume.Name,
            ["IMAGEBACKUP_DEVICE"] = requests[0].Volume.DevicePath,
            ["IMAGEBACKUP_MOUNTPOINT"] = requests[0].Volume.MountPoints.Count > 0 ? requests[0].Volume.MountPoints[0] : "",
            [OrphanedCommand.IdVariable] = id,
            ["IMAGEBACKUP_VOLUMES"] = string.Join("\n", requests.Select(request => request.Volume.Name)),
        },
    };
}
