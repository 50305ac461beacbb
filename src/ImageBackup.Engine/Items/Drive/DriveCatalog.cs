using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Items.Drive;

/// <summary>An image on a drive, and the name that it has there.</summary>
internal sealed record DriveImage(string PathName, ImageBackupInfo Info);

/// <summary>A volume on a drive: its images, oldest first.</summary>
internal sealed record DriveVolume(string PathName, string Name, string VolumeId, IReadOnlyList<DriveImage> Images)
{
    /// <summary>The newest image has this name too.</summary>
    public const string Latest = "latest";

    public DriveImage NewestImage { get; } = Images.LastOrDefault(image => !image.Info.IsTimeImpossible) ?? Images[Images.Count - 1];
}

/// <summary>A computer on a drive, and its volumes.</summary>
internal sealed record DriveComputer(string PathName, string Name, IReadOnlyList<DriveVolume> Volumes);

/// <summary>
/// The upper three levels of a drive: computers, volumes, images. An image lies under the name that its volume had then. Names that
/// several would have are made distinct by something of each one's own, so that a name stays what it is whatever comes or goes. A
/// name without that means the one that has the newest image.
/// </summary>
internal sealed class DriveCatalog
{
    private const int SuffixLength = 8;

    private DriveCatalog(IReadOnlyList<DriveComputer> computers) => Computers = computers;

    public IReadOnlyList<DriveComputer> Computers { get; }

    /// <param name="images">Oldest first.</param>
    public static DriveCatalog Of(IReadOnlyList<ImageBackupInfo> images)
    {
        var computers = new List<DriveComputer>();
        foreach (IGrouping<string, ImageBackupInfo> computer in images.GroupBy(image => image.ComputerName, StringComparer.OrdinalIgnoreCase))
        {
            DriveVolume[] volumes =
            [
                .. computer.GroupBy(image => (image.Volume, image.VolumeId))
                    .Select(volume => new DriveVolume(DriveNames.OfVolume(volume.Key.Volume), volume.Key.Volume, volume.Key.VolumeId, Images(volume))),
            ];
            string name = computer.Last().ComputerName;
            computers.Add(new DriveComputer(name.Length == 0 ? "_" : DriveNames.Escape(name), name,
                [.. Distinct(volumes, volume => volume.PathName, SuffixOf, (volume, pathName) => volume with { PathName = pathName }).OrderBy(volume => volume.PathName, StringComparer.OrdinalIgnoreCase)]));
        }
        return new DriveCatalog([.. computers.OrderBy(computer => computer.PathName, StringComparer.OrdinalIgnoreCase)]);
    }

    /// <summary>By the name on the drive, or as it was recorded; else in any case of the letters. Null if there is none.</summary>
    public DriveComputer? FindComputer(string pathName) =>
        Computers.FirstOrDefault(c => string.Equals(c.PathName, pathName, StringComparison.OrdinalIgnoreCase))
        ?? Computers.FirstOrDefault(c => string.Equals(c.Name, DriveNames.Unescape(pathName), StringComparison.OrdinalIgnoreCase));

    /// <inheritdoc cref="FindComputer"/>
    public static DriveVolume? FindVolume(DriveComputer computer, string pathName)
    {
        string name = DriveNames.Unescape(pathName);
        return Newest(computer.Volumes, (v, how) => string.Equals(v.PathName, pathName, how))
            ?? Newest(computer.Volumes, (v, how) => string.Equals(SuffixedName(v), pathName, how))
            ?? Newest(computer.Volumes, (v, how) => string.Equals(DriveNames.OfVolume(v.Name), pathName, how))
            ?? Newest(computer.Volumes, (v, how) => string.Equals(v.Name, name, how));
    }

    /// <summary>By the name on the drive, by "latest", by the time and the id, or by the time alone. Null if there is none.</summary>
    public static DriveImage? FindImage(DriveVolume volume, string pathName)
    {
        if (string.Equals(pathName, DriveVolume.Latest, StringComparison.OrdinalIgnoreCase))
            return volume.NewestImage;
        bool Is(string name) => string.Equals(name, pathName, StringComparison.OrdinalIgnoreCase);
        return volume.Images.LastOrDefault(image => Is(image.PathName))
            ?? volume.Images.LastOrDefault(image => Is($"{Minute(image.Info)}-{image.Info.ShortId}"))
            ?? volume.Images.LastOrDefault(image => Is(Minute(image.Info)));
    }

    private static DriveVolume? Newest(IReadOnlyList<DriveVolume> volumes, Func<DriveVolume, StringComparison, bool> isNamed)
    {
        foreach (StringComparison how in (StringComparison[])[StringComparison.Ordinal, StringComparison.OrdinalIgnoreCase])
        {
            DriveVolume? newest = volumes.Where(volume => isNamed(volume, how)).OrderBy(volume => volume.NewestImage.Info.BackupTime).LastOrDefault();
            if (newest is not null)
                return newest;
        }
        return null;
    }

    private static IReadOnlyList<DriveImage> Images(IEnumerable<ImageBackupInfo> images) =>
        [.. Distinct(images.Select(image => new DriveImage(Minute(image), image)), image => image.PathName, image => image.Info.Id, (image, pathName) => image with { PathName = pathName })];

    /// <summary>The minute by the clock of the computer that was backed up: the same wherever the drive is.</summary>
    private static string Minute(ImageBackupInfo image) =>
        (image.RecordedTime?.DateTime ?? image.BackupTime).ToString("yyyy-MM-dd'T'HHmm", CultureInfo.InvariantCulture);

    private static string SuffixedName(DriveVolume volume) => $"{DriveNames.OfVolume(volume.Name)}-{SuffixOf(volume).Substring(0, SuffixLength)}";

    private static string SuffixOf(DriveVolume volume) => BlobId.Of(Encoding.UTF8.GetBytes(volume.Name + "\0" + volume.VolumeId)).ToString();

    /// <summary>Each with a name of its own: those that share one get a dash and the beginning of their suffix, or all of it.</summary>
    private static IEnumerable<T> Distinct<T>(IEnumerable<T> all, Func<T, string> nameOf, Func<T, string> suffixOf, Func<T, string, T> rename)
    {
        List<(T Each, string Name, string First)> named = [.. all.Select(each => (each, nameOf(each), nameOf(each)))];
        foreach (int length in (int[])[SuffixLength, int.MaxValue])
        {
            HashSet<string> shared = [.. named.GroupBy(each => each.Name, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1).Select(group => group.Key.ToUpperInvariant())];
            for (int i = 0; i < named.Count; i++)
            {
                if (!shared.Contains(named[i].Name.ToUpperInvariant()))
                    continue;
                string suffix = suffixOf(named[i].Each);
                named[i] = named[i] with { Name = $"{named[i].First}-{suffix.Substring(0, Math.Min(length, suffix.Length))}" };
            }
        }
        return named.Select(each => rename(each.Each, each.Name));
    }
}
