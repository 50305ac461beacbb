using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>A file's bytes by its block map. Holes and unwritten extents are zeros.</summary>
internal sealed class ExtFileContent(ExtVolume volume, ExtBlockMap map, long sizeBytes) : ISparseBlockReader, IStoredContent
{
    /// <summary>Unwritten runs that one question steps over; of more, one is called data, which it may be.</summary>
    private const int MaxSteps = 1000;

    public long LengthBytes => sizeBytes;
    public int SectorSizeBytes => 512;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, sizeBytes);
        for (int done = 0; done < count;)
        {
            long at = offsetBytes + done, block = at / volume.BlockSizeBytes;
            int inside = (int)(at % volume.BlockSizeBytes);
            ExtRun? run = map.Find(block);
            bool isData = run is { } found && found.FileBlock <= block && !found.IsUnwritten;
            // In bytes up to the run's end, or up to the next run.
            long reach = run is not { } next ? long.MaxValue
                : (next.FileBlock <= block ? next.End - block : next.FileBlock - block) * volume.BlockSizeBytes - inside;
            int length = (int)Math.Min(reach, count - done);
            if (isData)
                volume.Read(run!.Value.VolumeBlock, inside, buffer.Slice(done, length));
            else
                buffer.Slice(done, length).Clear();
            done += length;
        }
        return count;
    }

    public ByteRange? NextData(long offsetBytes)
    {
        long block = Math.Max(0, offsetBytes) / volume.BlockSizeBytes;
        for (int steps = 0; block * volume.BlockSizeBytes < sizeBytes && map.Find(block) is { } run; steps++)
        {
            block = run.End;
            if (run.IsUnwritten && steps < MaxSteps)
                continue;
            long start = Math.Max(offsetBytes, run.FileBlock * volume.BlockSizeBytes), end = Math.Min(sizeBytes, run.End * volume.BlockSizeBytes);
            return start < end ? new ByteRange(start, end - start) : null;
        }
        return null;
    }

    public IEnumerable<StoredPiece> Pieces()
    {
        int blockBytes = volume.BlockSizeBytes;
        for (long block = 0; block * blockBytes < sizeBytes && map.Find(block) is { } run; block = run.End)
        {
            long start = run.FileBlock * blockBytes, length = Math.Min(sizeBytes - start, run.Count * blockBytes);
            if (run.IsUnwritten || length <= 0)
                continue;
            // What is read from the journal does not lie there yet.
            yield return volume.IsReplayed(run.VolumeBlock, run.Count)
                ? StoredPiece.Unplaced(start, length)
                : new StoredPiece(start, length, run.VolumeBlock * blockBytes, length, StoredPiece.Plain);
        }
    }

    public void Dispose()
    {
        // Nothing is owned.
    }
}
