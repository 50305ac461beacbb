using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Chunks;
using ImageBackup.Engine.FileSystems;

namespace ImageBackup.Engine.Jobs;

/// <summary>
/// Which bytes of a volume an image stores, and why. A map that cannot be read never fails a backup: the volume is then
/// stored whole, with a warning that names the reason.
/// </summary>
internal sealed record UsedMap
{
    // The drivers of these keep a bitmap that FSCTL_GET_VOLUME_BITMAP gives; of others nobody has proven what it means.
    private static readonly string[] s_typesWithOwnMap = ["ntfs", "vfat", "exfat"];

    public required UsedRanges Used { get; init; }
    public FileSystemDescription? FileSystem { get; init; }

    /// <summary>Who gave the map; null where the volume is stored whole.</summary>
    public string? Source { get; init; }
    public IReadOnlyList<LeftOutContent> LeftOut { get; init; } = Array.Empty<LeftOutContent>();
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();

    public static UsedMap Read(IBlockReader volume, UsedMapOptions options, CancellationToken cancellation)
    {
        var whole = new UsedMap { Used = UsedRanges.Whole(volume.LengthBytes) };
        string type = "not recognised";
        try
        {
            if (FileSystemCatalog.Probe(volume) is not { } found)
            {
                return options is { GapSizeBytes: not 0, MountedFileSystem: { } mounted }
                    ? whole with { Warnings = [$"The volume is stored whole, because it is mounted as {mounted}, of which no map of used blocks can be read."] }
                    : whole;
            }
            whole = whole with { FileSystem = found.Description };
            type = found.Description.Type;
            if (options.GapSizeBytes == 0)
                return whole;
            if (found.Description.IsEncrypted)
                return whole with { Warnings = [$"The volume is stored whole, because it is encrypted ({type}): what is free inside cannot be told."] };
            (UsedRangeMap map, string source) = ReadRanges(volume, found.Reader, type, options, cancellation);
            return whole.Without(map, source, found.Reader, volume, options, cancellation);
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

    /// <summary>The driver's own answer where it gives one, else what our reader finds in the structures.</summary>
    private static (UsedRangeMap Map, string Source) ReadRanges(
        IBlockReader volume, IFileSystemReader reader, string type, UsedMapOptions options, CancellationToken cancellation)
    {
        if (options.IsLive && volume is IOwnUsedMap asked && Array.IndexOf(s_typesWithOwnMap, type) >= 0)
        {
            try
            {
                if (asked.QueryUsedMap() is { } own)
                    return (OwnUsedMapReader.Read(own, volume.LengthBytes, cancellation), own.Source);
            }
            catch (Exception e) when (e is FileSystemFormatException or BlockReadException)
            {
                // Ours is asked instead; where that fails too its reason is the one that the user can do something about.
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
        IReadOnlyList<LeftOutFile> files = FindLeftOut(reader, volume, options, warnings, cancellation);
        UsedRanges used = UsedRanges.Merge(
            RangeSubtraction.Subtract(map.Ranges, files.SelectMany(f => f.Ranges)), volume.LengthBytes, options.GapSizeBytes);
        return this with { Used = used, Source = source, LeftOut = Omitted(files, used), Warnings = warnings };
    }

    private static IReadOnlyList<LeftOutFile> FindLeftOut(
        IFileSystemReader reader, IBlockReader volume, UsedMapOptions options, List<string> warnings, CancellationToken cancellation)
    {
        if (options.IncludePageFile || reader is not ILeftOutFiles finder)
            return [];
        try
        {
            return finder.FindLeftOutFiles(volume, options.IsFlushed, cancellation);
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException)
        {
            warnings.Add($"Paging files and shadow storage, if there are any, are stored too, because they could not be told from other files: {e.Message}");
            return [];
        }
    }

    /// <summary>What is really not stored: the gap rule may have kept short pieces.</summary>
    private static List<LeftOutContent> Omitted(IReadOnlyList<LeftOutFile> files, UsedRanges used)
    {
        var omitted = new List<LeftOutContent>(files.Count);
        foreach (LeftOutFile file in files)
        {
            long bytes = file.Ranges.Sum(r => r.LengthBytes - used.Within(r).Sum(kept => kept.LengthBytes));
            if (bytes > 0)
                omitted.Add(new LeftOutContent { Path = file.Path, SizeBytes = bytes, Reason = file.Reason });
        }
        return omitted;
    }
}
