using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// The structures of a volume as a mount would leave them: what the log changes lies over the volume, in memory.
/// Nothing is written. Any thread once the replay is done; the volume stays the caller's.
/// </summary>
internal sealed class XfsReplayedVolume(IBlockReader volume) : IBlockReader
{
    private const int PageBytes = 4096;

    /// <summary>256 MiB: what a log of the largest size changes seldom comes near.</summary>
    private const int MaxPageCount = 1 << 16;

    private readonly Dictionary<long, byte[]> _pages = [];

    public long LengthBytes => volume.LengthBytes;
    public int SectorSizeBytes => volume.SectorSizeBytes;

    /// <summary>Structures were changed of which the log does not have the whole: their checksums are out of date.</summary>
    public bool HasStaleChecksums { get; set; }

    /// <summary>Changes of files that were begun, and that a mount would finish by more than what the log has: remaps of shared extents, for example.</summary>
    public int UnfinishedCount { get; set; }

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = volume.ReadAt(offsetBytes, buffer);
        for (int at = 0; at < count;)
        {
            int inside = (int)((offsetBytes + at) % PageBytes), length = Math.Min(PageBytes - inside, count - at);
            if (_pages.TryGetValue((offsetBytes + at) / PageBytes, out byte[]? page))
                page.AsSpan(inside, length).CopyTo(buffer.Slice(at));
            at += length;
        }
        return count;
    }

    /// <summary>Lays bytes over the volume.</summary>
    /// <exception cref="FileSystemFormatException">They do not lie in the volume, or are too many.</exception>
    public void Write(long offsetBytes, ReadOnlySpan<byte> bytes)
    {
        if (offsetBytes < 0 || offsetBytes > LengthBytes - bytes.Length)
            throw new FileSystemFormatException("xfs: the log changes bytes that do not lie in the volume");
        while (bytes.Length > 0)
        {
            long number = offsetBytes / PageBytes;
            int inside = (int)(offsetBytes % PageBytes), length = Math.Min(PageBytes - inside, bytes.Length);
            if (!_pages.TryGetValue(number, out byte[]? page))
            {
                if (_pages.Count >= MaxPageCount)
                    throw new FileSystemFormatException("xfs: the log holds more unwritten changes than are read");
                page = volume.ReadExact(number * PageBytes, (int)Math.Min(PageBytes, LengthBytes - number * PageBytes));
                _pages.Add(number, page);
            }
            bytes.Slice(0, length).CopyTo(page.AsSpan(inside));
            bytes = bytes.Slice(length);
            offsetBytes += length;
        }
    }

    public void Dispose()
    {
        // Nothing is owned.
    }
}
