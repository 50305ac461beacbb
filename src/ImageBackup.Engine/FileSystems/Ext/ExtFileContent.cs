using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>A file's bytes by its block map. Holes and unwritten extents are zeros.</summary>
internal sealed class ExtFileContent(ExtVolume volume, ExtBlockMap map, long sizeBytes) : ISparseBlockReader
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

    public void Dispose()
    {
        // Nothing is owned.
    }
}
