using System;
using System.Collections.Generic;
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
    public required UsedRanges Used { get; init; }
    public FileSystemDescription? FileSystem { get; init; }

    /// <summary>Who gave the map; null where the volume is stored whole.</summary>
    public string? Source { get; init; }
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();

    public static UsedMap Read(IBlockReader volume, long gapSizeBytes, CancellationToken cancellation)
    {
        var whole = new UsedMap { Used = UsedRanges.Whole(volume.LengthBytes) };
        if (FileSystemCatalog.Probe(volume) is not { } found)
            return whole;
        whole = whole with { FileSystem = found.Description };
        if (gapSizeBytes == 0 || found.Description.IsEncrypted)
            return whole;
        try
        {
            UsedRangeMap map = found.Reader.ReadUsedRanges(volume, cancellation);
            return whole with
            {
                Used = UsedRanges.Merge(map.Ranges, volume.LengthBytes, gapSizeBytes),
                Source = found.Description.Type,
                Warnings = map.Warnings,
            };
        }
        catch (FileSystemFormatException e)
        {
            return whole with { Warnings = [$"The volume is stored whole, because its map of used blocks ({found.Description.Type}) cannot be relied on: {e.Message}"] };
        }
        catch (BlockReadException e)
        {
            return whole with { Warnings = [$"The volume is stored whole, because its map of used blocks ({found.Description.Type}) could not be read at offset {e.OffsetBytes}: {e.Message}"] };
        }
    }
}
