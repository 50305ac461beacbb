using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Jobs;

/// <summary>Joins the system's volumes with the file-system probe.</summary>
/// <param name="volumes">The system's volumes.</param>
/// <param name="probe">Recognises a file system; null where none does. <see cref="FileSystemCatalog.Probe"/> unless a test has another.</param>
public sealed class VolumeInventory(IVolumeSystem volumes, Func<IBlockReader, FileSystemDescription?> probe)
{
    private const string LabelPrefix = "LABEL=";
    private const string UuidPrefix = "UUID=";
    private const string PartitionUuidPrefix = "PARTUUID=";

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
    /// Finds one volume by anything that names it: what <see cref="IVolumeSystem.Find"/> takes, LABEL=x (as it is
    /// written), UUID=x or PARTUUID=x (in any case; with or without quotation marks).
    /// </summary>
    /// <exception cref="ImageBackupException">VolumeNotFound, VolumeAmbiguous, VolumeAccessDenied, NotElevated.</exception>
    public ImageVolume Resolve(string name, CancellationToken cancellation)
    {
        if (Value(name, LabelPrefix) is { } label)
            return Single(name, List(cancellation), volume => volume.Label == label);
        if (Value(name, PartitionUuidPrefix) is { } partitionUuid)
            return ResolvePartition(name, partitionUuid);
        if (Value(name, UuidPrefix) is { } uuid)
            return Single(name, List(cancellation), volume => IsSameId(volume.Uuid, uuid));
        return Probe(volumes.Find(name));
    }

    private ImageVolume ResolvePartition(string name, string uuid)
    {
        // The system knows these without reading the volumes, so only the one that is meant gets probed.
        List<VolumeDescription> matches = [.. volumes.List().Where(volume => IsSameId(volume.PartitionUuid, uuid))];
        RequireOne(name, matches);
        return matches.Count == 1 ? Probe(matches[0]) : throw NotFound(name, "");
    }

    private static ImageVolume Single(string name, IReadOnlyList<ImageVolume> all, Func<ImageVolume, bool> isMatch)
    {
        List<ImageVolume> matches = [.. all.Where(isMatch)];
        // The layers of a stack (a mirror's halves, the file system below a loop device) show the same file system
        // and so the same ids; the one that no other match lies on is the one that is meant.
        List<ImageVolume> tops = [.. matches.Where(one => !matches.Exists(other => one.Description.Holders.Contains(other.Name)))];
        RequireOne(name, [.. tops.Select(volume => volume.Description)]);
        if (tops.Count == 1)
            return tops[0];
        // One that could not be read may be the one that was meant; then the reason is worth more than "not found".
        List<ImageVolume> unread = [.. all.Where(volume => volume.ProbeError is not null)];
        throw NotFound(name, unread.Count == 0
            ? ""
            : $" {unread.Count} could not be read, among them '{unread[0].Name}': {unread[0].ProbeError}");
    }

    private static void RequireOne(string name, List<VolumeDescription> matches)
    {
        if (matches.Count > 1)
        {
            throw new ImageBackupException(ErrorId.VolumeAmbiguous,
                $"'{name}' matches {string.Join(" and ", matches.Select(volume => volume.Name))}.", name);
        }
    }

    private static ImageBackupException NotFound(string name, string remark) =>
        new(ErrorId.VolumeNotFound, $"No volume matches '{name}'.{remark}", name);

    private ImageVolume Probe(VolumeDescription description)
    {
        try
        {
            using IBlockReader reader = volumes.OpenRead(description, VolumeOpenMode.Probe);
            return new ImageVolume { Description = description, FileSystemProbe = probe(reader) };
        }
        catch (Exception e) when (e is ImageBackupException or BlockReadException)
        {
            return new ImageVolume { Description = description, ProbeError = e.Message };
        }
    }

    private static bool IsSameId(string? id, string wanted) => string.Equals(id, wanted, StringComparison.OrdinalIgnoreCase);

    /// <summary>What follows the prefix, without quotation marks around it; null where the name begins otherwise.</summary>
    private static string? Value(string name, string prefix)
    {
        if (!name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            return null;
        string value = name.Substring(prefix.Length);
        return value.Length >= 2 && value[0] == '"' && value[value.Length - 1] == '"' ? value.Substring(1, value.Length - 2) : value;
    }
}
