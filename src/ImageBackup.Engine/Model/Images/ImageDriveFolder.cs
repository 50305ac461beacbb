using System;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// What lies above the images on a drive of the provider ImageBackup: the repository, a computer, or a volume. Property types are
/// plain, so that CSV and JSON show them.
/// </summary>
public sealed record ImageDriveFolder
{
    /// <summary>The computer's or the volume's name as it was recorded; the repository's location. On the drive's paths it may stand otherwise.</summary>
    public required string Name { get; init; }

    /// <summary>Repository, Computer, Volume.</summary>
    public required string Type { get; init; }

    /// <summary>Null if it is the repository.</summary>
    public string? ComputerName { get; init; }

    /// <summary>Of a volume: its name, and which volume it is, as <see cref="ImageBackupInfo.VolumeId"/>.</summary>
    public string? Volume { get; init; }
    public string? VolumeId { get; init; }

    /// <summary>How many images lie below it.</summary>
    public int ImageCount { get; init; }

    /// <summary>Local times of the first and the last image below it; null if there is none.</summary>
    public DateTime? OldestTime { get; init; }
    public DateTime? NewestTime { get; init; }

    /// <summary>The repository's location.</summary>
    public string? Repository { get; init; }

    /// <summary>The name.</summary>
    public override string ToString() => DisplayText.Line(Name);
}
