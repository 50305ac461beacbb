using System;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>Reads a plain file, and knows its holes.</summary>
internal sealed class WindowsFileReader(WindowsHandle handle, string name)
    : WindowsBlockReader(handle, name, SectorBytes, 1, file => LengthOf(file, name)), ISparseBlockReader
{
    public const int SectorBytes = 512;

    public ByteRange? NextData(long offsetBytes) => FindData(Handle, offsetBytes, LengthBytes);

    /// <exception cref="BlockReadException">The file is gone.</exception>
    public static long LengthOf(WindowsHandle file, string name)
    {
        long lengthBytes = file.FileLength(out int error);
        return lengthBytes >= 0 ? lengthBytes : throw WindowsError.Read(error, name, 0, 0);
    }

    /// <summary>By FSCTL_QUERY_ALLOCATED_RANGES; if the file system has no sparse files all is data.</summary>
    public static ByteRange? FindData(WindowsHandle file, long offsetBytes, long lengthBytes)
    {
        if (offsetBytes < 0)
            throw new ArgumentOutOfRangeException(nameof(offsetBytes), offsetBytes, "An offset is not negative.");
        if (offsetBytes >= lengthBytes)
            return null;
        long[] asked = [offsetBytes, lengthBytes - offsetBytes];
        long[] range = [0, 0];
        bool isTold = file.Control(Kernel32.FSCTL_QUERY_ALLOCATED_RANGES, MemoryMarshal.AsBytes(asked.AsSpan()),
            MemoryMarshal.AsBytes(range.AsSpan()), out int returnedBytes, out int error);
        if (!isTold && error != WindowsError.MoreData)
            return new ByteRange(offsetBytes, lengthBytes - offsetBytes);
        if (returnedBytes < sizeof(long) * 2)
            return null;
        long start = Math.Max(range[0], offsetBytes);
        long end = Math.Min(range[0] + range[1], lengthBytes);
        return end > start ? new ByteRange(start, end - start) : null;
    }
}
