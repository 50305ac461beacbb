using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>The volume as it will be once its journal is replayed. Nothing is written; the volume stays the caller's.</summary>
internal sealed class ExtReplayedVolume(IBlockReader volume, ExtJournal journal, int blockSizeBytes) : IBlockReader
{
    public long LengthBytes => volume.LengthBytes;
    public int SectorSizeBytes => volume.SectorSizeBytes;

    /// <summary>Whether the journal holds one of these blocks anew.</summary>
    public bool Replaces(long block, long count)
    {
        for (long i = 0; i < count; i++)
        {
            if (journal.Contains(block + i))
                return true;
        }
        return false;
    }

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = volume.ReadAt(offsetBytes, buffer);
        for (int at = 0; at < count;)
        {
            long block = (offsetBytes + at) / blockSizeBytes;
            int inside = (int)((offsetBytes + at) % blockSizeBytes), length = Math.Min(blockSizeBytes - inside, count - at);
            if (journal.Contains(block))
            {
                var logged = new byte[blockSizeBytes];
                journal.TryRead(block, logged);
                logged.AsSpan(inside, length).CopyTo(buffer.Slice(at));
            }
            at += length;
        }
        return count;
    }

    public void Dispose()
    {
        // Nothing is owned.
    }
}
