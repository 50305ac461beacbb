using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>A volume by a name that stands for itself, without wildcards.</summary>
/// <param name="Name">As it was written, relative paths made full.</param>
/// <param name="Present">The volume of this machine that has the name now; null: there is none.</param>
internal sealed record VolumeReference(string Name, ImageVolume? Present)
{
    /// <summary>The name as it was written, if that may be a name in the images' records too; null: <see cref="Name"/> alone.</summary>
    public string? Former { get; init; }
}

/// <summary>
/// Which volumes' images a name means. Of this computer's images those of the volume that has the name here now, by identity; if
/// nothing here has it, and of other computers' images always, those whose own records have it: id, name, label, UUIDs, mount points.
/// </summary>
internal static class ImageSelection
{
    private const string LabelPrefix = "LABEL=";
    private const string UuidPrefix = "UUID=";
    private const string PartitionUuidPrefix = "PARTUUID=";
    private const string PartitionLabelPrefix = "PARTLABEL=";

    /// <summary>The keys (<see cref="ImageHistories.KeyOf"/>) of the volumes that are meant.</summary>
    /// <param name="images">All images with their ids, oldest first; of the computers that are asked for.</param>
    /// <param name="reference">The name.</param>
    /// <param name="fallBack">
    /// If the volume that has the name now has no image: take those that had it. They are told to <paramref name="onWarning"/> either way.
    /// </param>
    /// <param name="onWarning">Told of images that had the name and are of another volume.</param>
    /// <exception cref="ImageBackupException">VolumeAmbiguous: two volumes of one computer match.</exception>
    public static HashSet<(string Computer, string VolumeId)> Find(IReadOnlyList<ImageBackupInfo> images, VolumeReference reference, bool fallBack, Action<Exception>? onWarning)
    {
        var keys = new HashSet<(string, string)>();
        foreach (IGrouping<string, ImageBackupInfo> computer in images.GroupBy(image => image.ComputerName, StringComparer.OrdinalIgnoreCase))
        {
            List<IGrouping<(string, string), ImageBackupInfo>> volumes = [.. computer.GroupBy(ImageHistories.KeyOf)];
            bool isHere = string.Equals(computer.Key, LocalHost.Name, StringComparison.OrdinalIgnoreCase);
            if (isHere && reference.Present is { } present)
            {
                List<IGrouping<(string, string), ImageBackupInfo>> own = [.. volumes.Where(volume => IsOf(volume, present, IdentityVerdict.Same))];
                if (own.Count == 0)
                    own = [.. volumes.Where(volume => IsOf(volume, present, IdentityVerdict.CannotTell) && volume.Any(image => HasName(image, present.Name)))];
                keys.UnionWith(own.Select(volume => volume.Key));
                if (own.Count > 0)
                    continue;
            }
            List<IGrouping<(string, string), ImageBackupInfo>> named = 
            [
                .. volumes.Where(volume => volume.Any(image => HasName(image, reference.Name) || reference.Former is { } former && HasName(image, former))),
            ];
            if (named.Count == 0)
                continue;
            if (named.Count > 1)
                throw Ambiguous(reference.Name, [.. named.Select(volume => volume.Last())]);
            if (isHere && reference.Present is { } another)
            {
                onWarning?.Invoke(AnotherHasTheName(reference.Name, another, named[0].Last(), fallBack));
                if (!fallBack)
                    continue;
            }
            keys.Add(named[0].Key);
        }
        return keys;
    }

    /// <summary>The newest image decides, and of a volume without a place of its own any image before the last formatting.</summary>
    private static bool IsOf(IEnumerable<ImageBackupInfo> history, ImageVolume present, IdentityVerdict verdict) =>
        history.Any(image => image.VolumeId == present.VolumeId && verdict == IdentityVerdict.Same && !image.Identity.IsDerived)
        || present.Identity.CompareTo(history.Last().Identity).Verdict == verdict;

    /// <summary>Whether an image's records have the name.</summary>
    public static bool HasName(ImageBackupInfo image, string name)
    {
        if (Value(name, LabelPrefix) is { } label)
            return image.Label == label;
        if (Value(name, PartitionUuidPrefix) is { } partition)
            return string.Equals(image.PartitionUuid, partition, StringComparison.OrdinalIgnoreCase);
        if (Value(name, PartitionLabelPrefix) is { } partitionLabel)
            return image.PartitionLabel == partitionLabel;
        if (Value(name, UuidPrefix) is { } uuid)
            return string.Equals(image.Uuid, uuid, StringComparison.OrdinalIgnoreCase);
        StringComparison comparison = IsWindowsName(image.Volume) ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        bool Is(string? known) => known is not null && (string.Equals(known, name, comparison) || string.Equals(Bare(known), Bare(name), comparison));
        return image.VolumeId == name || Is(image.Volume) || Is(image.DevicePath) || image.MountPoints.Any(Is) || image.Aliases.Any(Is);
    }

    public static bool IsWindowsName(string volume) => volume.Length >= 2 && (volume[1] == ':' || volume.StartsWith(@"\\", StringComparison.Ordinal));

    /// <summary>What follows the prefix, without quotation marks around it; null if the name begins otherwise.</summary>
    public static string? Value(string name, string prefix)
    {
        if (!name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            return null;
        string value = name.Substring(prefix.Length);
        return value.Length >= 2 && value[0] == '"' && value[value.Length - 1] == '"' ? value.Substring(1, value.Length - 2) : value;
    }

    private static string Bare(string path) => path.Length > 1 ? path.TrimEnd('/', '\\') : path;

    private static ImageBackupException Ambiguous(string name, List<ImageBackupInfo> volumes) =>
        new(ErrorId.VolumeAmbiguous, $"'{name}' names the images of {volumes.Count} volumes of {volumes[0].ComputerName}: {string.Join("; and ", volumes.Select(VolumeWords.Of))}.", name)
        { RecommendedAction = "Name the volume by the VolumeId of its images, which Get-ImageBackup without -Volume shows." };

    private static ImageBackupException AnotherHasTheName(string name, ImageVolume present, ImageBackupInfo image, bool isTaken) =>
        new(ErrorId.VolumeIsAnother,
            $"The volume that is '{name}' now ({VolumeWords.Of(present)}) has no image. {(isTaken ? "Taken is an image of" : "There are images of")} another volume that had the name: {VolumeWords.Of(image)}.", name);
}
