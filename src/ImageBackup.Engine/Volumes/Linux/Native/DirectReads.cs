using System;
using System.Threading;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>
/// Reads of a device past the page cache (O_DIRECT), into aligned buffers that are used again. A whole device pushes nothing out of the
/// cache then, what others have there stays, and no page has to be found for each that is read. What the cache holds that
/// is still to be written is written first: that is the kernel's. Any thread.
/// </summary>
internal sealed class DirectReads : IDisposable
{
    /// <summary>Shorter reads go through the cache, which reads ahead: one by one they would wait for the device each.</summary>
    public const int WorthBytes = 32 << 10;

    /// <summary>
    /// As many bytes under way keep a disk on a network at its speed, 5 ms away: 800 MB/s. One that spins gets its reads in its order and
    /// joins them.
    /// </summary>
    public const int QueueBytes = 4 << 20;

    /// <summary>Of offsets, lengths and memory: a page, which no device asks more than.</summary>
    private const int AlignmentBytes = 4096;

    private readonly FileDescriptor _descriptor;
    private readonly long _lengthBytes;
    private readonly DirectBuffers _buffers = new();
    private int _isRefused;

    private DirectReads(FileDescriptor descriptor, long lengthBytes)
    {
        _descriptor = descriptor;
        _lengthBytes = lengthBytes;
    }

    /// <summary>Whether the device turned out not to take such reads: they all go through the cache from then on.</summary>
    public bool IsRefused => Volatile.Read(ref _isRefused) != 0;

    /// <summary>Null if the system does not open the device so.</summary>
    /// <param name="device">It, opened: the same one is opened anew, whatever its name means by now.</param>
    /// <param name="lengthBytes">Its length.</param>
    public static DirectReads? Of(FileDescriptor device, long lengthBytes)
    {
        FileDescriptor? descriptor = FileDescriptor.Open(device.ProcessPath, Libc.O_RDONLY | Libc.O_DIRECT, out _);
        return descriptor is null ? null : new DirectReads(descriptor, lengthBytes);
    }

    /// <summary>Reads the beginning of a range.</summary>
    /// <param name="offsetBytes">Inside the device.</param>
    /// <param name="buffer">Not longer than what is left of it.</param>
    /// <returns>How much was read, in bytes: all, or what lies before a failure, which a read through the cache gives its name and place.</returns>
    public int Read(long offsetBytes, Span<byte> buffer)
    {
        if (IsRefused)
            return 0;
        IntPtr memory = _buffers.Take();
        try
        {
            int done = 0;
            while (done < buffer.Length)
            {
                int wanted = Math.Min(DirectBuffers.LengthBytes - (int)((offsetBytes + done) % AlignmentBytes), buffer.Length - done);
                int read = ReadPiece(offsetBytes + done, buffer.Slice(done, wanted), memory);
                done += read;
                if (read < wanted)
                    break;
            }
            return done;
        }
        finally
        {
            _buffers.Return(memory);
        }
    }

    /// <summary>From the page before the offset to the one behind the end, which is at most a buffer.</summary>
    private unsafe int ReadPiece(long offsetBytes, Span<byte> target, IntPtr memory)
    {
        long start = offsetBytes / AlignmentBytes * AlignmentBytes;
        // The device's end lies on a sector, if not on a page.
        long end = Math.Min(_lengthBytes, (offsetBytes + target.Length + AlignmentBytes - 1) / AlignmentBytes * AlignmentBytes);
        var span = new Span<byte>((void*)memory, (int)(end - start));
        int read = _descriptor.Read(start, span, out int errno);
        if (read < 0)
        {
            if (errno == Errno.EINVAL || Errno.IsUnsupported(errno))
                Volatile.Write(ref _isRefused, 1);
            return 0;
        }
        int before = (int)(offsetBytes - start), count = Math.Max(0, Math.Min(target.Length, read - before));
        span.Slice(before, count).CopyTo(target);
        return count;
    }

    public void Dispose()
    {
        _descriptor.Dispose();
        _buffers.Dispose();
    }
}
