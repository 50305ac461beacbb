using System;
using System.Collections.Generic;
using System.Globalization;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>A volume in words by which an administrator knows it again: name, label, file system and its id, size, disk.</summary>
internal static class VolumeWords
{
    public static string Of(ImageVolume volume) =>
        Join(volume.Name, new Content(volume.Label, volume.FileSystem, volume.Uuid), volume.SizeBytes, volume.Identity, volume.MountPoints, null);

    public static string Of(VolumeDescription volume) => Of(new ImageVolume(volume));

    public static string Of(ImageBackupInfo image) =>
        Join(image.Volume, new Content(image.Label, image.FileSystem, image.Uuid), image.SizeBytes, image.Identity, image.MountPoints, image.VolumeId);

    /// <summary>The file system on a volume; its members are null if it is not known.</summary>
    private readonly record struct Content(string? Label, string? Type, string? Uuid);

    private static string Join(string name, Content content, long sizeBytes, VolumeIdentity identity, IReadOnlyList<string> mountPoints, string? volumeId)
    {
        (string? label, string? type, string? uuid) = content;
        var words = new List<string> { $"'{name}'" };
        if (label is { Length: > 0 })
            words.Add($"label '{label}'");
        words.Add(type is null ? "no known file system" : uuid is null ? type : $"{type} {uuid}");
        words.Add(Size(sizeBytes));
        if (mountPoints.Count > 0)
            words.Add("at " + mountPoints[0]);
        foreach (IdentityFact fact in identity.Facts)
        {
            if (fact.Scope == IdentityScope.Place)
                words.Add(fact.ToString());
        }
        if (volumeId is not null && volumeId != name)
            words.Add("VolumeId " + volumeId);
        return string.Join(", ", words);
    }

    private static string Size(long bytes)
    {
        string[] units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
        double size = bytes;
        int unit = 0;
        for (; size >= 1024 && unit < units.Length - 1; unit++)
            size /= 1024;
        return size.ToString(unit == 0 ? "0" : "0.#", CultureInfo.InvariantCulture) + " " + units[unit];
    }
}
