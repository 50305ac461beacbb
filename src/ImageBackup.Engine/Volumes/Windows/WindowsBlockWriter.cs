using System;
using System.Buffers;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>Writes an open volume or file at any offset; a volume in whole sectors.</summary>
internal sealed class WindowsBlockWriter(
    WindowsHandle handle, string name, int sectorSizeBytes, int alignmentBytes, Func<WindowsHandle, long> queryLength)
    : WindowsBlockReader(handle, name, sectorSizeBytes, alignmentBytes, queryLength), IPlainFileWriter, IPartitionedTarget
{
    private readonly FirstFailure _failure = new();

    /// <summary>Two threads may each have a part of one sector; reading it, changing it and writing it is one step.</summary>
    private readonly object _partGate = new();

    private bool IsFile => AlignmentBytes == 1;

    public static WindowsBlockWriter ForFile(WindowsHandle handle, string name) =>
        new(handle, name, WindowsFileReader.SectorBytes, 1, file => WindowsFileReader.LengthOf(file, name));

    public void WriteAt(long offsetBytes, ReadOnlySpan<byte> buffer)
    {
        BlockBounds.RequireInside(offsetBytes, buffer.Length, LengthBytes);
        _failure.ThrowIfFailed(offsetBytes, buffer.Length);
        using PendingCall call = PendingCalls.Enter(Name);
        for (int done = 0; done < buffer.Length;)
        {
            long position = offsetBytes + done;
            ReadOnlySpan<byte> rest = buffer.Slice(done);
            int inside = (int)(position % AlignmentBytes);
            done += inside == 0 && rest.Length >= AlignmentBytes
                ? WriteWhole(position, rest.Slice(0, rest.Length - (rest.Length % AlignmentBytes)))
                : WritePart(position - inside, inside, rest);
        }
    }

    public void ZeroRange(ByteRange range)
    {
        BlockBounds.RequireInside(range.OffsetBytes, range.LengthBytes, LengthBytes);
        _failure.ThrowIfFailed(range.OffsetBytes, range.LengthBytes);
        if (!TryZeroData(range))
            ZeroBytes.WriteTo(this, range);
    }

    public bool TryDiscard(ByteRange range)
    {
        BlockBounds.RequireInside(range.OffsetBytes, range.LengthBytes, LengthBytes);
        _failure.ThrowIfFailed(range.OffsetBytes, range.LengthBytes);
        return TryZeroData(range);
    }

    public ByteRange? NextData(long offsetBytes) => IsFile
        ? WindowsFileReader.FindData(Handle, offsetBytes, LengthBytes)
        : offsetBytes < LengthBytes ? new ByteRange(offsetBytes, LengthBytes - offsetBytes) : null;

    /// <summary>
    /// Nothing to do: a dismounted volume is read past the cache anyway, and of a file Windows lets nobody drop the
    /// cached pages; after a flush they are what was sent to the disk.
    /// </summary>
    public void DropCache()
    {
    }

    /// <summary>
    /// The driver of a disk, or of a volume that is a whole disk (a stick without partitions), reads the table anew and tells everybody. One of a
    /// partition refuses, and has none to read.
    /// </summary>
    public string? RereadPartitionTable()
    {
        if (!IsFile)
            Handle.Control(Kernel32.IOCTL_DISK_UPDATE_PROPERTIES, out _);
        return null;
    }

    public void Flush()
    {
        _failure.ThrowIfFailed(0, LengthBytes);
        using PendingCall call = PendingCalls.Enter(Name);
        if (!Handle.Flush(out int error))
            throw _failure.Record(WindowsError.Write(error, Name, 0, LengthBytes));
    }

    /// <summary>Makes a hole in a sparse file; false for volumes and for file systems that have none.</summary>
    private bool TryZeroData(ByteRange range)
    {
        if (!IsFile || range.LengthBytes == 0)
            return range.LengthBytes == 0;
        long[] bounds = [range.OffsetBytes, range.EndBytes];
        return Handle.Control(Kernel32.FSCTL_SET_ZERO_DATA, MemoryMarshal.AsBytes(bounds.AsSpan()), default, out _, out _);
    }

    private int WriteWhole(long offsetBytes, ReadOnlySpan<byte> buffer)
    {
        int count = Handle.Write(offsetBytes, buffer, out int error);
        return count > 0 ? count : throw _failure.Record(WindowsError.Write(error, Name, offsetBytes, buffer.Length));
    }

    private int WritePart(long sectorOffsetBytes, int insideBytes, ReadOnlySpan<byte> rest)
    {
        byte[] sector = ArrayPool<byte>.Shared.Rent(AlignmentBytes);
        try
        {
            int count = Math.Min(AlignmentBytes - insideBytes, rest.Length);
            lock (_partGate)
            {
                int have = Handle.Read(sectorOffsetBytes, sector.AsSpan(0, AlignmentBytes), out int error);
                if (have < AlignmentBytes)
                    throw _failure.Record(WindowsError.Write(error, Name, sectorOffsetBytes + insideBytes, count));
                rest.Slice(0, count).CopyTo(sector.AsSpan(insideBytes));
                int written = 0;
                while (written < AlignmentBytes)
                    written += WriteWhole(sectorOffsetBytes + written, sector.AsSpan(written, AlignmentBytes - written));
            }
            return count;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(sector);
        }
    }
}
