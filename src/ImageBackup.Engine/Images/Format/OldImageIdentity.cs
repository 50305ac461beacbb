using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace ImageBackup.Engine.Images.Format;

/// <summary>The identity of a volume as far as an image tells it that was made before images recorded identities.</summary>
internal static class OldImageIdentity
{
    private const string ById = "/dev/disk/by-id/";
    private static readonly Regex s_mbrPartition = new("^[0-9a-f]{8}-[0-9a-f]{2,}$", RegexOptions.CultureInvariant);
    private static readonly Regex s_windowsVolume = new(@"^\\\\\?\\Volume\{(?<guid>[0-9A-Fa-f-]{36})\}\\?$", RegexOptions.CultureInvariant);

    public static VolumeIdentity Of(ImageMetadata image) =>
        VolumeIdentity.Of(PlaceOf(image), isDerived: true).WithFileSystem(image.FileSystem?.Type, image.FileSystem?.Uuid);

    private static IEnumerable<IdentityFact> PlaceOf(ImageMetadata image)
    {
        if (image.VolumeKind == VolumeKind.File)
        {
            // A link's target was its only alias.
            yield return new IdentityFact(IdentityFactKind.File, image.Aliases is [var realPath, ..] ? realPath : image.VolumeName);
            yield break;
        }
        string? partition = image.PartitionUuid?.ToLowerInvariant();
        if (partition is not null && Guid.TryParse(partition, out _))
            yield return new IdentityFact(IdentityFactKind.GptPartition, "/" + partition);
        else if (partition is not null && s_mbrPartition.IsMatch(partition) && !partition.StartsWith("00000000", StringComparison.Ordinal))
            yield return new IdentityFact(IdentityFactKind.MbrPartition, partition);
        foreach (string name in image.Aliases.Prepend(image.VolumeName))
        {
            if (s_windowsVolume.Match(name) is { Success: true } match)
                yield return new IdentityFact(IdentityFactKind.WindowsVolume, match.Groups["guid"].Value.ToLowerInvariant());
            else if (After(name, ById + "dm-uuid-LVM-") is { Length: 64 } volume)
                yield return new IdentityFact(IdentityFactKind.LogicalVolume, volume);
            else if (After(name, ById + "md-uuid-") is { } array)
                yield return new IdentityFact(IdentityFactKind.RaidArray, array.ToLowerInvariant());
            else if (partition is null && image.VolumeKind == VolumeKind.BlockDevice && name.StartsWith("/", StringComparison.Ordinal)
                && !name.StartsWith("/dev/", StringComparison.Ordinal))
                yield return new IdentityFact(IdentityFactKind.File, name);
        }
    }

    private static string? After(string text, string prefix) =>
        text.StartsWith(prefix, StringComparison.Ordinal) ? text.Substring(prefix.Length) : null;
}
