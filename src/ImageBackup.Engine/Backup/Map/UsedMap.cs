using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Engine.Images.Format;

namespace ImageBackup.Engine.Backup.Map;

/// <summary>
/// Which bytes of a volume an image stores, and why. A map that cannot be read never fails a backup: the volume is then
/// stored whole, with a warning that names the reason.
/// </summary>
internal sealed record UsedMap
{
    // The drivers of these keep a bitmap that FSCTL_GET_VOLUME_BITMAP gives; of others its meaning is not proven.
    private static readonly string[] s_typesWithOwnMap = ["ntfs", "vfat", "exfat"];

    /// <summary>What the warning of a volume with several claimants begins with.</summary>
    public const string ConflictId = "SignaturesConflict";

    public required UsedRanges Used { get; init; }
    public FileSystemDescription? FileSystem { get; init; }

    /// <summary>Who gave the map; null if the volume is stored whole.</summary>
    public string? Source { get; init; }
    public IReadOnlyList<OmittedContent> Omitted { get; init; } = Array.Empty<OmittedContent>();
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();

    public static UsedMap Read(IBlockReader volume, UsedMapOptions options, CancellationToken cancellation)
    {
        var whole = new UsedMap { Used = UsedRanges.Whole(volume.LengthBytes) };
        string type = "not recognised";
        try
        {
            IReadOnlyList<SignatureClaim> claimants = SignatureScan.FindClaimants(volume);
            SignatureClaim? found = claimants.FirstOrDefault(claim => claim.Reader is not null);
            whole = whole with { FileSystem = found?.Description };
            type = found?.Type ?? type;
            if (claimants.Count > 1)
                return whole with { Warnings = [Conflict(claimants)] };
            if (options.GapSizeBytes == 0)
                return whole;
            if (found is not { Reader: { } reader, Description: { } description })
                return whole with { Warnings = [$"The volume is stored whole, because {Unmapped(claimants, options)}."] };
            if (description.IsEncrypted)
                return whole with { Warnings = [$"The volume is stored whole, because it is encrypted ({type}): its free blocks are not known."] };
            (UsedRangeMap map, string source) = ReadRanges(volume, reader, type, options, cancellation);
            return whole.Without(map, source, reader, volume, options, cancellation);
        }
        catch (FileSystemFormatException e)
        {
            return whole with { Warnings = [$"The volume is stored whole, because its map of used blocks ({type}) cannot be relied on: {e.Message}"] };
        }
        catch (BlockReadException e)
        {
            return whole with { Warnings = [$"The volume is stored whole, because its map of used blocks ({type}) could not be read at offset {e.OffsetBytes}: {e.Message}"] };
        }
    }

    /// <summary>The map of a dead claimant calls the live one's data free, so there is none.</summary>
    private static string Conflict(IReadOnlyList<SignatureClaim> claimants) =>
        $"{ConflictId}: The volume is stored whole, because more than one claims it: {SignatureScan.Describe(claimants)}. "
        + "All but one are remains of an earlier use, and it is not known which. Remove a dead one with 'wipefs --offset OFFSET'.";

    private static string Unmapped(IReadOnlyList<SignatureClaim> claimants, UsedMapOptions options) =>
        options.MountedFileSystem is { } mounted ? $"it is mounted as {mounted}, of which no map of used blocks can be read"
        : claimants.Count == 0 ? "no file system that is known here was found on it"
        : $"it is a disk with a partition table ({claimants[0]}); each partition can be backed up on its own";

    /// <summary>The driver's own answer if it gives one, else what our reader finds in the structures.</summary>
    private static (UsedRangeMap Map, string Source) ReadRanges(
        IBlockReader volume, IFileSystemReader reader, string type, UsedMapOptions options, CancellationToken cancellation)
    {
        if (options.IsLive && volume is IVolumeBitmapSource asked && Array.IndexOf(s_typesWithOwnMap, type) >= 0)
        {
            try
            {
                if (asked.QueryUsedMap() is { } own)
                    return (VolumeBitmapReader.Read(own, volume.LengthBytes, cancellation), own.Source);
            }
            catch (Exception e) when (e is FileSystemFormatException or BlockReadException)
            {
                // Ours is asked instead; if that fails too its reason is the one that the user can do something about.
            }
        }
        UsedRangeMap map = reader is IFlushAwareReader aware
            ? aware.ReadUsedRanges(volume, options.IsFlushed, cancellation)
            : reader.ReadUsedRanges(volume, cancellation);
        return (map, type);
    }

    private UsedMap Without(
        UsedRangeMap map, string source, IFileSystemReader reader, IBlockReader volume, UsedMapOptions options, CancellationToken cancellation)
    {
        var warnings = new List<string>(map.Warnings);
        IReadOnlyList<OmittedFile> files = FindOmitted(reader, volume, options, warnings, cancellation);
        UsedRanges used = UsedRanges.Merge(
            RangeSubtraction.Subtract(map.Ranges, files.SelectMany(f => f.Ranges)), volume.LengthBytes, options.GapSizeBytes);
        return this with { Used = used, Source = source, Omitted = ContentsOf(files, used), Warnings = warnings };
    }

    private static IReadOnlyList<OmittedFile> FindOmitted(
        IFileSystemReader reader, IBlockReader volume, UsedMapOptions options, List<string> warnings, CancellationToken cancellation)
    {
        if (options.IncludePageFile || reader is not IOmittedFiles finder)
            return [];
        try
        {
            return finder.FindOmittedFiles(volume, options.IsFlushed, cancellation);
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException)
        {
            warnings.Add($"Paging files and shadow storage, if there are any, are stored too, because they could not be recognised: {e.Message}");
            return [];
        }
    }

    /// <summary>What is really not stored: the gap rule may have kept short pieces.</summary>
    private static List<OmittedContent> ContentsOf(IReadOnlyList<OmittedFile> files, UsedRanges used)
    {
        var omitted = new List<OmittedContent>(files.Count);
        foreach (OmittedFile file in files)
        {
            long bytes = file.Ranges.Sum(r => r.LengthBytes - used.Within(r).Sum(kept => kept.LengthBytes));
            if (bytes > 0)
                omitted.Add(new OmittedContent { Path = file.Path, SizeBytes = bytes, Reason = file.Reason });
        }
        return omitted;
    }
}
