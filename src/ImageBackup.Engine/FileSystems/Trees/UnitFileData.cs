using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Trees;

/// <summary>A file that is compressed in units of one length. The unit that was decoded last is kept.</summary>
/// <remarks>Any thread; they wait for each other.</remarks>
internal abstract class UnitFileData(long lengthBytes, int unitBytes) : ISparseBlockReader
{
    private readonly object _lock = new();
    private byte[]? _decoded;
    private long _decodedUnit = -1;

    public long LengthBytes => lengthBytes;
    public int SectorSizeBytes => 512;
    protected int UnitBytes => unitBytes;

    /// <summary>Fills the target: a unit, or what the file has of its last one.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    protected abstract void Decode(long unit, Span<byte> target);

    public abstract ByteRange? NextData(long offsetBytes);

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int count = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        lock (_lock)
        {
            for (int done = 0; done < count;)
            {
                long unit = (offsetBytes + done) / unitBytes;
                int inside = (int)((offsetBytes + done) % unitBytes);
                int length = Math.Min(count - done, unitBytes - inside);
                if (unit != _decodedUnit)
                {
                    _decoded ??= new byte[unitBytes];
                    _decodedUnit = -1;
                    Decode(unit, _decoded.AsSpan(0, (int)Math.Min(unitBytes, LengthBytes - unit * unitBytes)));
                    _decodedUnit = unit;
                }
                _decoded.AsSpan(inside, length).CopyTo(buffer.Slice(done));
                done += length;
            }
        }
        return count;
    }

    public void Dispose()
    {
    }
}
