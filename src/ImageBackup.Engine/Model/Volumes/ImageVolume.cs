using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>A volume and what its bytes say: what <c>Get-ImageVolume</c> shows.</summary>
public sealed record ImageVolume
{
    internal ImageVolume(VolumeDescription description) => Description = description;

    /// <summary>What the system says of it.</summary>
    internal VolumeDescription Description { get; init; }

    /// <summary>Null: not recognised, or not readable (<see cref="ProbeError"/> says why).</summary>
    internal FileSystemDescription? FileSystemProbe { get; init; }
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

    /// <summary>Whether the file system was cleanly unmounted (a mounted one is not, on most); null if it cannot be told.</summary>
    public bool? IsClean => FileSystemProbe?.IsClean;
    public IReadOnlyList<string> MountPoints => JoinedList.Of(Description.MountPoints);
    public bool IsMounted => Description.IsMounted;
    public bool IsSystem => Description.IsSystem;
    public int SectorSizeBytes => Description.SectorSizeBytes;

    /// <summary>What is opened: /dev/..., \\.\D:, \\?\Volume{guid}, or the file's path.</summary>
    public string DevicePath => Description.DevicePath;

    /// <summary>Other names: links in /dev/disk, the \\?\Volume{guid}\ name, a loop device's file.</summary>
    public IReadOnlyList<string> Aliases => JoinedList.Of(Description.Aliases);

    /// <summary>What stacks on the device (dm, md, swap, loop), by name.</summary>
    public IReadOnlyList<string> Holders => JoinedList.Of(Description.Holders);

    /// <summary>The changes of killed runs that are not undone yet; <c>Repair-ImageVolume</c> undoes them. Empty: none.</summary>
    public IReadOnlyList<PendingUndo> PendingUndo { get; init => field = JoinedList.Of(value); } = JoinedList.Of(Array.Empty<PendingUndo>());

    /// <summary>A backup of the machine's volumes takes it; false: it is passed over, and <see cref="Reason"/> says why.</summary>
    public bool CanImage => Reason is null;

    /// <summary>Why a backup of the machine's volumes passes it over, in words; null: it does not.</summary>
    public string? Reason { get; init; }

    /// <summary>A rule excludes it. False if the rules were not asked.</summary>
    public bool IsExcluded { get; init; }

    /// <summary>The rule that it hits, as written; null: none.</summary>
    public string? Rule => MatchedRule?.Text;

    /// <summary>The rule that it hits, and where it stands; null: none.</summary>
    public MatchedRule? MatchedRule { get; init; }

    /// <summary>Null if a rule excludes the volume, or if the rules were not asked.</summary>
    public string? ManagementClass { get; init; }

    /// <summary>The type that a backup would take now; null if a rule excludes the volume, or if the rules were not asked.</summary>
    public ImageType? ImageType { get; init; }

    /// <summary>Why that type, in words.</summary>
    public string? ImageTypeReason { get; init; }

    /// <summary>Its name, which stands for the volume wherever one is asked for.</summary>
    public override string ToString() => DisplayText.Line(Name);
}
