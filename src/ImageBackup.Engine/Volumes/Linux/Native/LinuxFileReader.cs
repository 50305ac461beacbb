using System;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>Reads a plain file, and knows its holes.</summary>
internal sealed class LinuxFileReader(FileDescriptor descriptor, string name)
    : LinuxBlockReader(descriptor, name, isDevice: false), ISparseBlockReader
{
    public ByteRange? NextData(long offsetBytes) => FindData(Descriptor, Name, offsetBytes, LengthBytes);

    /// <summary>By SEEK_DATA and SEEK_HOLE, lseek(2).</summary>
    public static ByteRange? FindData(FileDescriptor file, string name, long offsetBytes, long lengthBytes)
    {
        if (offsetBytes < 0)
            throw new ArgumentOutOfRangeException(nameof(offsetBytes), offsetBytes, "An offset is not negative.");
        if (offsetBytes >= lengthBytes)
            return null;
        long start = file.Seek(offsetBytes, Libc.SEEK_DATA, out int errno);
        if (start < 0)
        {
            if (errno == Errno.ENXIO)
                return null;
            return Errno.IsUnsupported(errno)
                ? new ByteRange(offsetBytes, lengthBytes - offsetBytes)
                : throw LinuxFailure.Read(errno, name, offsetBytes, lengthBytes - offsetBytes);
        }
        if (start >= lengthBytes)
            return null;
        long end = file.Seek(start, Libc.SEEK_HOLE, out _);
        // The file may be cut between the two calls; the rest is then read, and the reading tells.
        if (end <= start || end > lengthBytes)
            end = lengthBytes;
        return new ByteRange(start, end - start);
    }
}
