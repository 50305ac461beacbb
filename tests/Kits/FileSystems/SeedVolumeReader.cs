using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>A seed as it is.</summary>
internal sealed class SeedVolumeReader(SeedVolume seed) : IBlockReader
{
    public long LengthBytes => seed.LengthBytes;
    public int SectorSizeBytes => SeedVolume.SectorBytes;

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = (int)Math.Max(0, Math.Min(buffer.Length, LengthBytes - offsetBytes));
        for (int done = 0; done < count;)
        {
            int inside = (int)((offsetBytes + done) % SeedVolume.SectorBytes);
            int part = Math.Min(SeedVolume.SectorBytes - inside, count - done);
            Span<byte> target = buffer.Slice(done, part);
            if (seed.Sector((offsetBytes + done) / SeedVolume.SectorBytes) is { } bytes)
                bytes.AsSpan(inside, part).CopyTo(target);
            else
                target.Clear();
            done += part;
        }
        return count;
    }

    public void Dispose()
    {
    }
}
