using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Restore;

/// <summary>
/// The volume that an image was taken of, if it is on this machine now: what a restore goes to that names no destination. Found by
/// identity, never by the name alone.
/// </summary>
/// <param name="Name">What it is called now; a file's path.</param>
/// <param name="Volume">The volume; null: a file that is not there.</param>
/// <param name="Warnings">That it is called otherwise now, or has another file system on it than the image.</param>
internal sealed record OriginalVolume(string Name, ImageVolume? Volume, IReadOnlyList<string> Warnings)
{
    /// <exception cref="ImageBackupException">
    /// VolumeIsAnother: another volume has the name. VolumeIdentityUnknown: it cannot be told. VolumeAmbiguous: two are the
    /// same. VolumeNotFound: it is not here.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static OriginalVolume Find(ImageBackupInfo image, IVolumeSystem volumes, CancellationToken cancellation)
    {
        if (image is null)
            throw new ArgumentNullException(nameof(image));
        if (volumes is null)
            throw new ArgumentNullException(nameof(volumes));
        var inventory = new VolumeInventory(volumes);
        ImageVolume? named = TryFind(image.Volume, inventory, volumes, cancellation);
        if (image.VolumeKind == VolumeKind.File)
            return OfFile(image, named);
        List<ImageVolume> same = SameOf(image, inventory, cancellation);
        if (same.Count == 1)
            return new OriginalVolume(same[0].Name, same[0], WarningsOf(image, same[0]));
        if (same.Count > 1)
        {
            throw new ImageBackupException(ErrorId.VolumeAmbiguous,
                $"The volume of the image {image.ShortId} is here more than once: {string.Join("; and ", same.Select(VolumeWords.Of))}.", image.Id)
            {
                RecommendedAction = "Name the target with -Destination.",
            };
        }
        if (named is null)
        {
            throw new ImageBackupException(ErrorId.VolumeNotFound,
                $"The volume of the image {image.ShortId} is not on this machine: {VolumeWords.Of(image)}.", image.Id)
            {
                RecommendedAction = "Attach it, or name the target with -Destination.",
            };
        }
        IdentityComparison comparison = image.Identity.CompareTo(named.Identity);
        throw comparison.Verdict == IdentityVerdict.Different
            ? new ImageBackupException(ErrorId.VolumeIsAnother,
                $"'{image.Volume}' is another volume now. The image is of {VolumeWords.Of(image)}. There is now {VolumeWords.Of(named)}. The reason: {comparison.Reason}.", image.Id)
            : new ImageBackupException(ErrorId.VolumeIdentityUnknown,
                $"Nothing proves that '{image.Volume}' is still the volume of the image. The image is of {VolumeWords.Of(image)}. There is now {VolumeWords.Of(named)}. {Sentence(comparison.Reason)}.", image.Id);
    }

    /// <summary>The volumes with the image's identity; of those that lie on one another the topmost.</summary>
    private static List<ImageVolume> SameOf(ImageBackupInfo image, VolumeInventory inventory, CancellationToken cancellation)
    {
        List<ImageVolume> same =
        [
            .. inventory.List(cancellation).Where(volume => image.Identity.CompareTo(volume.Identity).Verdict == IdentityVerdict.Same),
        ];
        return VolumeInventory.Tops(same, volume => volume.Description);
    }

    private static OriginalVolume OfFile(ImageBackupInfo image, ImageVolume? named)
    {
        if (named is null)
            return new OriginalVolume(image.Volume, null, []);
        // A device's node may have been put in the file's place.
        IdentityComparison comparison = image.Identity.CompareTo(named.Identity);
        if (named.Description.Kind != VolumeKind.File || comparison.Verdict == IdentityVerdict.Different)
        {
            throw new ImageBackupException(ErrorId.VolumeIsAnother,
                $"'{image.Volume}' is another volume now. The image is of {VolumeWords.Of(image)}. There is now {VolumeWords.Of(named)}. The reason: {comparison.Reason}.", image.Id);
        }
        return new OriginalVolume(image.Volume, named, WarningsOf(image, named));
    }

    private static List<string> WarningsOf(ImageBackupInfo image, ImageVolume volume)
    {
        var warnings = new List<string>();
        if (volume.Name != image.Volume && volume.Description.Kind != VolumeKind.File)
            warnings.Add($"The volume that was '{image.Volume}' is '{volume.Name}' now: {image.Identity.CompareTo(volume.Identity).Reason}.");
        if (image.Identity.CompareTo(volume.Identity).IsContentChanged)
            warnings.Add($"'{volume.Name}' was formatted since the image was taken. The image is of {VolumeWords.Of(image)}. There is now {VolumeWords.Of(volume)}.");
        return warnings;
    }

    private static ImageVolume? TryFind(string name, VolumeInventory inventory, IVolumeSystem volumes, CancellationToken cancellation)
    {
        try
        {
            return inventory.Look(volumes.Find(name), cancellation);
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.VolumeNotFound)
        {
            return null;
        }
    }

    private static string Sentence(string clause) => char.ToUpperInvariant(clause[0]) + clause.Substring(1);
}
