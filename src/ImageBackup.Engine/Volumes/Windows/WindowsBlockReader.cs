using System;
using System.Buffers;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>
/// Reads an open volume or file. A volume is read in whole sectors, as Windows demands; the sectors at the ends
/// of a range that begins or ends inside one go through a buffer of their own.
/// </summary>
internal class WindowsBlockReader : IBlockReader, ILengthQuery
{
    private readonly Func<WindowsHandle, long> _queryLength;

    /// <summary>Takes the handle over, also when it throws.</summary>
    /// <param name="handle">What is read.</param>
    /// <param name="name">For messages.</param>
    /// <param name="sectorSizeBytes">The logical sector.</param>
    /// <param name="alignmentBytes">What offsets and lengths of reads must be multiples of: the sector, or 1 for a file.</param>
    /// <param name="queryLength">Asks the handle for its length.</param>
    public WindowsBlockReader(
        WindowsHandle handle, string name, int sectorSizeBytes, int alignmentBytes, Func<WindowsHandle, long> queryLength)
    {
        Handle = handle;
        Name = name;
        SectorSizeBytes = sectorSizeBytes;
        AlignmentBytes = alignmentBytes;
        _queryLength = queryLength;
        try
        {
            LengthBytes = queryLength(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    protected WindowsHandle Handle { get; }
    protected int AlignmentBytes { get; }
    public string Name { get; }
    public long LengthBytes { get; }
    public int SectorSizeBytes { get; }

    public long QueryLengthBytes() => _queryLength(Handle);

    public int ReadAt(long offsetBytes, Span<byte> buffer)
    {
        int wanted = BlockBounds.ReadableCount(offsetBytes, buffer.Length, LengthBytes);
        int done = 0;
        using PendingCall call = PendingCalls.Enter(Name);
        while (done < wanted)
        {
            long position = offsetBytes + done;
            Span<byte> rest = buffer.Slice(done, wanted - done);
            int inside = (int)(position % AlignmentBytes);
            done += inside == 0 && rest.Length >= AlignmentBytes
                ? ReadWhole(position, rest.Slice(0, rest.Length - (rest.Length % AlignmentBytes)))
                : ReadPart(position - inside, inside, rest);
        }
        return done;
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) => Handle.Dispose();

    private int ReadWhole(long offsetBytes, Span<byte> buffer)
    {
        int count = Handle.Read(offsetBytes, buffer, out int error);
        if (count < 0)
            throw WindowsError.Read(error, Name, offsetBytes, buffer.Length);
        return count > 0 ? count : throw WindowsError.Short(Name, offsetBytes, buffer.Length);
    }

    /// <summary>What is wanted of one sector, through a buffer.</summary>
    private int ReadPart(long sectorOffsetBytes, int insideBytes, Span<byte> rest)
    {
        byte[] sector = ArrayPool<byte>.Shared.Rent(AlignmentBytes);
        try
        {
            int count = ReadWhole(sectorOffsetBytes, sector.AsSpan(0, AlignmentBytes)) - insideBytes;
            if (count <= 0)
                throw WindowsError.Short(Name, sectorOffsetBytes, rest.Length);
            count = Math.Min(count, rest.Length);
            sector.AsSpan(insideBytes, count).CopyTo(rest);
            return count;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(sector);
        }
    }
}
