using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Identity;

namespace ImageBackup.Engine.Jobs;

/// <summary>A volume and what its bytes say: what <c>Get-ImageVolume</c> shows.</summary>
public sealed record ImageVolume
{
    public required VolumeDescription Description { get; init; }

    /// <summary>Null: not recognised, or not readable (<see cref="ProbeError"/> says why).</summary>
    public FileSystemDescription? FileSystemProbe { get; init; }
    public string? ProbeError { get; init; }

    public string Name => Description.Name;

    /// <summary>Which volume it is, by its place and what lies there.</summary>
    public VolumeIdentity Identity => field ??= Description.Identity.WithFileSystem(FileSystemProbe?.Type, FileSystemProbe?.Uuid);

    /// <summary>The id that images of it are filed under: see <see cref="ImageBackupInfo.VolumeId"/>.</summary>
    public string VolumeId => Identity.StableName ?? Name;
    public string? FileSystem => FileSystemProbe?.Type ?? Description.MountedFileSystem;
    public string? Label => FileSystemProbe?.Label ?? Description.Label;
    public string? Uuid => FileSystemProbe?.Uuid ?? Description.Serial;
    public long SizeBytes => Description.SizeBytes;
    public long? UsedBytes => FileSystemProbe?.UsedBytes;

    /// <summary>The file system's allocation unit in bytes.</summary>
    public int? ClusterSizeBytes => FileSystemProbe?.ClusterSizeBytes;

    /// <summary>Whether the file system was cleanly unmounted (a mounted one is not, on most); null where it cannot be told.</summary>
    public bool? IsClean => FileSystemProbe?.IsClean;
    public IReadOnlyList<string> MountPoints => JoinedList.Of(Description.MountPoints);
    public bool IsMounted => Description.IsMounted;
    public bool IsSystem => Description.IsSystem;
    public int SectorSizeBytes => Description.SectorSizeBytes;

    /// <summary>What the rules and classes say of it; null: they were not asked.</summary>
    public VolumePlan? Plan { get; init; }

    /// <summary>What a run that was killed left of it to be undone; <c>Repair-ImageVolume</c> undoes it. Empty: nothing.</summary>
    public IReadOnlyList<PendingUndo> PendingUndo { get; init; } = [];

    /// <summary>A rule excludes it.</summary>
    public bool IsExcluded => Plan is { IsIncluded: false };

    /// <summary>The rule that it hits, as written; null: none.</summary>
    public string? Rule => Plan?.Rule?.Text;

    /// <summary>Null where it is excluded.</summary>
    public string? ManagementClass => IsExcluded ? null : Plan?.ManagementClass.Name;

    /// <summary>The type that a backup would take now; null if a rule excludes the volume, or if the rules were not asked.</summary>
    public ImageType? ImageType => IsExcluded ? null : Plan?.Type.Type;

    /// <summary>Its members, as they may be shown.</summary>
    public override string ToString() => DisplayText.Record(nameof(ImageVolume), PrintMembers);
}
