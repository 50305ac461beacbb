using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Restore;

/// <summary>What a restore would do, found without writing.</summary>
internal sealed record RestoreCheck
{
    public required ImageBackupInfo Image { get; init; }
    public required string Destination { get; init; }

    /// <summary>What is on the target now, as a clause: file system, label, UUID, when it was last mounted if that is known.</summary>
    public required string Now { get; init; }

    /// <summary>Length of what is there in bytes; null: a new file.</summary>
    public long? NowBytes { get; init; }

    /// <summary>What is there and is more than one file system, each as a clause; not empty only with <see cref="RestoreRequest.Force"/>.</summary>
    public IReadOnlyList<string> Valuables { get; init; } = Array.Empty<string>();

    /// <summary>What <see cref="RestoreRequest.Force"/> goes over.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();

    /// <summary>The device that was looked at; for <see cref="RestoreRequest.Confirmed"/>.</summary>
    public DeviceInstance? Confirmed { get; init; }

    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(RestoreCheck), PrintMembers);
}
