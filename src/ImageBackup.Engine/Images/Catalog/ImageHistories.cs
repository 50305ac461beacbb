using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Policy.Retention;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>
/// Which images are versions of one volume. An image that recorded its <see cref="ImageBackupInfo.VolumeId"/> is filed under that; an
/// older one joins the volume that its fields show to be the same, else is filed by what its fields say, else by its name.
/// </summary>
internal static class ImageHistories
{
    /// <summary>The images, in the same order, with their volumes' ids.</summary>
    /// <param name="images">All images of a repository, oldest first.</param>
    public static IReadOnlyList<ImageBackupInfo> Assign(IReadOnlyList<ImageBackupInfo> images)
    {
        // An image that did not record an id has its name for one.
        if (!images.Any(IsOld))
            return images;
        var known = new Dictionary<string, Dictionary<string, VolumeIdentity>>(StringComparer.OrdinalIgnoreCase);
        foreach (ImageBackupInfo image in images.Where(image => !IsOld(image)))
        {
            if (!known.TryGetValue(image.ComputerName, out Dictionary<string, VolumeIdentity>? volumes))
                known.Add(image.ComputerName, volumes = new(StringComparer.Ordinal));
            volumes[image.VolumeId] = image.Identity;
        }
        var found = new Dictionary<(string, string, string), string>();
        return [.. images.Select(image => IsOld(image) ? image with { VolumeId = IdOf(image) } : image)];

        string IdOf(ImageBackupInfo image)
        {
            var key = (image.ComputerName.ToUpperInvariant(), image.Identity.ToString(), image.Volume);
            if (!found.TryGetValue(key, out string? id))
                found.Add(key, id = Find(image) ?? image.Identity.StableName ?? image.Volume);
            return id;
        }

        string? Find(ImageBackupInfo image) => known.TryGetValue(image.ComputerName, out Dictionary<string, VolumeIdentity>? volumes)
            ? volumes.FirstOrDefault(volume => image.Identity.CompareTo(volume.Value).Verdict == IdentityVerdict.Same).Key
            : null;
    }

    private static bool IsOld(ImageBackupInfo image) => image.Identity.IsDerived;

    /// <summary>A volume's key among those of all computers.</summary>
    public static (string Computer, string VolumeId) KeyOf(ImageBackupInfo image) => (image.ComputerName.ToUpperInvariant(), image.VolumeId);

    /// <summary>
    /// Whether a statement that a volume is gone is of this volume: by its id, or of an old statement by the name, which of several
    /// volumes that had it means the one that had it last before it was said.
    /// </summary>
    /// <param name="images">All images with their ids, oldest first.</param>
    /// <param name="removal">As it is on record.</param>
    public static VolumeRemoval Resolve(IReadOnlyList<ImageBackupInfo> images, VolumeRemoval removal)
    {
        bool IsOfComputer(ImageBackupInfo image) => string.Equals(image.ComputerName, removal.ComputerName, StringComparison.OrdinalIgnoreCase);
        if (images.Any(image => IsOfComputer(image) && image.VolumeId == removal.Volume))
            return removal;
        ImageBackupInfo? last = images.LastOrDefault(image => IsOfComputer(image) && image.Volume == removal.Volume && image.BackupTime.ToUniversalTime() <= removal.RemovedAt.UtcDateTime);
        return last is null ? removal : removal with { Volume = last.VolumeId };
    }
}
