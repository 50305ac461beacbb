using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Planning;

/// <summary>Joins the system's volumes with the file-system probe.</summary>
/// <param name="volumes">The system's volumes.</param>
/// <param name="probe">Recognises a file system; null if none does. <see cref="FileSystemCatalog.Probe"/> unless a test has another.</param>
internal sealed class VolumeInventory(IVolumeSystem volumes, Func<IBlockReader, FileSystemDescription?> probe)
{
    private const string LabelPrefix = "LABEL=";
    private const string UuidPrefix = "UUID=";
    private const string PartitionUuidPrefix = "PARTUUID=";
    private const string PartitionLabelPrefix = "PARTLABEL=";

    /// <summary>
    /// udev's links by what a volume says of itself: of two volumes that say the same, a link points at one of them, so they are
    /// asked as the tag is.
    /// </summary>
    private static readonly (string Folder, string Prefix)[] s_linkFolders =
    [
        ("/dev/disk/by-label/", LabelPrefix), ("/dev/disk/by-uuid/", UuidPrefix),
        ("/dev/disk/by-partuuid/", PartitionUuidPrefix), ("/dev/disk/by-partlabel/", PartitionLabelPrefix),
    ];

    public VolumeInventory(IVolumeSystem volumes)
        : this(volumes, reader => FileSystemCatalog.Probe(reader)?.Description)
    {
    }

    /// <summary>
    /// All volumes of the machine, probed. A volume that cannot be opened or read is listed too, with the reason
    /// in <see cref="ImageVolume.ProbeError"/>.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled between two volumes.</exception>
    public IReadOnlyList<ImageVolume> List(CancellationToken cancellation)
    {
        var found = new List<ImageVolume>();
        foreach (VolumeDescription description in volumes.List())
        {
            cancellation.ThrowIfCancellationRequested();
            found.Add(Probe(description));
        }
        return found;
    }

    /// <summary>
    /// Finds one volume by anything that names it: what <see cref="IVolumeSystem.Find"/> takes, LABEL=x and PARTLABEL=x (as they are
    /// written), UUID=x or PARTUUID=x (in any case; all with or without quotation marks), and the id under which images of it are
    /// filed (<see cref="ImageVolume.VolumeId"/>). But for a device path given by hand, a name means a volume by its identity: if
    /// another volume of the machine has the same (a clone), both are named.
    /// </summary>
    /// <exception cref="ImageBackupException">VolumeNotFound, VolumeAmbiguous, VolumeAccessDenied, NotElevated.</exception>
    public ImageVolume Resolve(string name, CancellationToken cancellation)
    {
        if (name.StartsWith(VolumeIdentity.StableNamePrefix, StringComparison.Ordinal))
            return Single(name, List(cancellation), volume => volume.VolumeId == name || volume.Identity.StableNameOfClone == name);
        string tag = TagOf(name);
        if (ImageSelection.Value(tag, LabelPrefix) is { } label)
            return WithoutTwin(name, Single(name, List(cancellation), volume => volume.Label == label), cancellation);
        if (ImageSelection.Value(tag, PartitionUuidPrefix) is { } partitionUuid)
            return ResolvePartition(name, volume => IsSameId(volume.PartitionUuid, partitionUuid));
        if (ImageSelection.Value(tag, PartitionLabelPrefix) is { } partitionLabel)
            return ResolvePartition(name, volume => volume.PartitionLabel == partitionLabel);
        if (ImageSelection.Value(tag, UuidPrefix) is { } uuid)
            return WithoutTwin(name, Single(name, List(cancellation), volume => IsSameId(volume.Uuid, uuid)), cancellation);
        ImageVolume found = Probe(volumes.Find(name));
        return IsByHand(name, found.Description) ? found : WithoutTwin(name, found, cancellation);
    }

    /// <summary>
    /// The other volumes of the machine with the same identity: clones. A volume that lies on the other, or shows the other's
    /// content as another path to it does, is none.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<ImageVolume> TwinsOf(ImageVolume volume, CancellationToken cancellation)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        if (volume.Description.Kind == VolumeKind.File || (volume.Identity.StrongPlace ?? volume.Identity.FileSystem) is not { } decisive)
            return [];
        var twins = new List<ImageVolume>();
        foreach (VolumeDescription other in volumes.List())
        {
            cancellation.ThrowIfCancellationRequested();
            if (other.Name == volume.Name || IsSameStack(other, volume.Description) || other.Identity.StrongPlace is { } place && place != decisive)
                continue;
            // The place is known without reading; only what has none is looked at.
            if (other.Identity.StrongPlace is null && decisive.Scope == IdentityScope.Place)
                continue;
            ImageVolume looked = Probe(other);
            if (decisive.Scope == IdentityScope.Place || looked.Identity.FileSystem == decisive)
                twins.Add(looked);
        }
        return twins;
    }

    /// <summary>
    /// The other volumes that bear the same btrfs, device for device: the kernel may take one for the other. A btrfs of several
    /// devices has one id on all of them, and another for each.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IReadOnlyList<ImageVolume> BtrfsDuplicatesOf(ImageVolume volume, CancellationToken cancellation)
    {
        if (volume?.FileSystemProbe is not { DeviceUuid: { } device, Uuid: var uuid })
            return [];
        return [.. List(cancellation).Where(other => other.Name != volume.Name && other.FileSystemProbe is { } probe && probe.Uuid == uuid
            && probe.DeviceUuid == device && !IsSameStack(other.Description, volume.Description))];
    }

    /// <summary>A volume and what is on it, as it is now.</summary>
    internal ImageVolume Look(VolumeDescription volume, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Probe(volume);
    }

    /// <summary>A name that can only mean this one device: its own, or a link that udev makes by its place.</summary>
    private static bool IsByHand(string name, VolumeDescription volume) => volume.Kind == VolumeKind.File || volume.Name == name || volume.DevicePath == name
        || name.StartsWith("/dev/", StringComparison.Ordinal) || name.StartsWith(@"\\", StringComparison.Ordinal)
        || name.IndexOf('/') < 0 && !volume.MountPoints.Contains(name) && volume.Kind == VolumeKind.BlockDevice;

    private ImageVolume WithoutTwin(string name, ImageVolume volume, CancellationToken cancellation)
    {
        if (TwinsOf(volume, cancellation) is not { Count: > 0 } twins)
            return volume;
        throw new ImageBackupException(ErrorId.VolumeAmbiguous,
            $"'{name}' is the volume {VolumeWords.Of(volume)}; but {string.Join(" and ", twins.Select(VolumeWords.Of))} has the same identity: a clone.", name);
    }

    /// <summary>LABEL=x of /dev/disk/by-label/x; any other name as it is.</summary>
    private static string TagOf(string name)
    {
        foreach ((string folder, string prefix) in s_linkFolders)
        {
            if (name.StartsWith(folder, StringComparison.Ordinal) && name.Length > folder.Length)
                return prefix + Unmangle(name.Substring(folder.Length));
        }
        return name;
    }

    /// <summary>udev writes what a file name cannot have as \xNN of its UTF-8 bytes.</summary>
    private static string Unmangle(string text)
    {
        var bytes = new List<byte>();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 3 < text.Length && text[i + 1] == 'x'
                && byte.TryParse(text.Substring(i + 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
            {
                bytes.Add(value);
                i += 3;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(text[i].ToString()));
            }
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private ImageVolume ResolvePartition(string name, Func<VolumeDescription, bool> isMatch)
    {
        // The system knows these without reading the volumes, so only the one that is meant gets probed.
        List<VolumeDescription> matches = Tops([.. volumes.List().Where(isMatch)], volume => volume);
        RequireOne(name, [.. matches.Select(VolumeWords.Of)]);
        return matches.Count == 1 ? Probe(matches[0]) : throw NotFound(name, "");
    }

    private static ImageVolume Single(string name, IReadOnlyList<ImageVolume> all, Func<ImageVolume, bool> isMatch)
    {
        List<ImageVolume> tops = Tops([.. all.Where(isMatch)], volume => volume.Description);
        RequireOne(name, [.. tops.Select(VolumeWords.Of)]);
        if (tops.Count == 1)
            return tops[0];
        // One that could not be read may be the one that was meant; then the reason is worth more than "not found".
        List<ImageVolume> unread = [.. all.Where(volume => volume.ProbeError is not null)];
        throw NotFound(name, unread.Count == 0
            ? ""
            : $" {unread.Count} could not be read, among them '{unread[0].Name}': {unread[0].ProbeError}");
    }

    /// <summary>
    /// The layers of a stack (a mirror's halves, the file system below a loop device) show the same file system and so the same
    /// ids; the one that no other match lies on is the one that is meant.
    /// </summary>
    internal static List<T> Tops<T>(List<T> matches, Func<T, VolumeDescription> description) =>
        [.. matches.Where(one => !matches.Exists(other => LiesOn(description(other), description(one))))];

    private static bool LiesOn(VolumeDescription upper, VolumeDescription lower) => lower.Holders.Contains(upper.Name) || lower.LayersAbove.Contains(upper.Name);

    /// <summary>One lies on the other, or both are paths to what lies on both.</summary>
    internal static bool IsSameStack(VolumeDescription one, VolumeDescription other) =>
        LiesOn(one, other) || LiesOn(other, one) || one.LayersAbove.Any(other.LayersAbove.Contains);

    private static void RequireOne(string name, List<string> matches)
    {
        if (matches.Count > 1)
        {
            throw new ImageBackupException(ErrorId.VolumeAmbiguous,
                $"'{name}' matches {string.Join("; and ", matches)}.", name);
        }
    }

    private static ImageBackupException NotFound(string name, string remark) =>
        new(ErrorId.VolumeNotFound, $"No volume matches '{name}'.{remark}", name);

    private ImageVolume Probe(VolumeDescription description)
    {
        try
        {
            using IBlockReader reader = volumes.OpenRead(description, VolumeOpenMode.Probe);
            return new ImageVolume(description) { FileSystemProbe = probe(reader) };
        }
        catch (Exception e) when (e is ImageBackupException or BlockReadException)
        {
            return new ImageVolume(description) { ProbeError = e.Message };
        }
    }

    private static bool IsSameId(string? id, string wanted) => string.Equals(id, wanted, StringComparison.OrdinalIgnoreCase);
}
