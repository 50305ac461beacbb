using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Usage;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Planning;

/// <summary>Whether another computer may be using a volume that this one does not use, by what the volume says itself.</summary>
internal static class UseElsewhere
{
    private static UsageContext Context => new()
    {
        ComputerName = LocalHost.Name,
        StartTime = LocalSystem.StartTime,
        HostId = LocalSystem.HostId,
        SystemIds = LocalSystem.Ids,
    };

    /// <summary>The signs on a volume; none if it cannot be read.</summary>
    public static IReadOnlyList<UsageSign> Read(IBlockReader volume)
    {
        try
        {
            return UsageSigns.Read(volume, Context);
        }
        catch (BlockReadException)
        {
            // The reader of the volume gets the error.
            return [];
        }
    }

    /// <summary>
    /// The clauses that say so, each with its kind. None for what this computer uses itself; for a copy of a file system that is mounted here; and
    /// for what <paramref name="known"/> shows just so.
    /// </summary>
    /// <param name="volume">Which one.</param>
    /// <param name="signs">What it bears.</param>
    /// <param name="volumes">The system's volumes: a snapshot or a clone of a mounted one looks mounted too.</param>
    /// <param name="known">Signs of an image whose restore put them there; asked only if there is something to compare.</param>
    public static IReadOnlyList<string> Find(VolumeDescription volume, IReadOnlyList<UsageSign> signs, IVolumeSystem volumes, Func<IReadOnlyList<UsageSign>>? known = null)
    {
        List<UsageSign> found = [.. signs.Where(sign => sign.Elsewhere is not null)];
        if (found.Count == 0 || volume.IsMounted || volume.Holders.Count > 0)
            return [];
        if (known?.Invoke() is { } ours)
            found.RemoveAll(sign => ours.Any(own => own.Type == sign.Type && own.Trace == sign.Trace));
        if (found.Exists(sign => sign.Id is not null))
        {
            HashSet<string> mounted = MountedIds(volume, volumes);
            found.RemoveAll(sign => sign.Id is { } id && mounted.Contains(sign.Type + " " + id));
        }
        return [.. found.Select(sign => $"{sign.Type}: {sign.Elsewhere}")];
    }

    private static HashSet<string> MountedIds(VolumeDescription except, IVolumeSystem volumes)
    {
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (VolumeDescription mounted in volumes.List().Where(other => other.IsMounted && other.Name != except.Name))
        {
            try
            {
                using IBlockReader reader = volumes.OpenRead(mounted, VolumeOpenMode.Probe);
                foreach (UsageSign sign in Read(reader).Where(sign => sign.Id is not null))
                    ids.Add(sign.Type + " " + sign.Id);
            }
            catch (Exception e) when (e is ImageBackupException or BlockReadException)
            {
                // Then nothing can be said of it.
            }
        }
        return ids;
    }
}
