using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>
/// Aligned buffers of one length that are used again, each in one piece of the machine's memory if the system has huge pages to give.
/// A driver takes only so many pieces by one request: a megabyte of single pages came to it as many small requests, and took twice
/// the time of one piece.
/// </summary>
internal sealed class DirectBuffers : IDisposable
{
    /// <summary>A buffer's length; kernels cut longer reads.</summary>
    public const int LengthBytes = 1 << 20;

    /// <summary>Of x64, and of arm64 with pages of 4 KiB; elsewhere it is only a large alignment.</summary>
    private const int HugePageBytes = 2 << 20;

    private readonly object _gate = new();
    private readonly Stack<IntPtr> _free = new();
    private readonly List<IntPtr> _pages = [];

    /// <summary>One that nobody else has. Any thread.</summary>
    public IntPtr Take()
    {
        lock (_gate)
        {
            if (_free.Count == 0)
                Grow();
            return _free.Pop();
        }
    }

    /// <summary>Gives it back.</summary>
    public void Return(IntPtr buffer)
    {
        lock (_gate)
            _free.Push(buffer);
    }

    private void Grow()
    {
        if (Libc.posix_memalign(out IntPtr page, HugePageBytes, HugePageBytes) != 0)
            throw new InsufficientMemoryException("There is no memory for the reads of a device.");
        _pages.Add(page);
        // A wish: without huge pages it is memory as any other.
        _ = Libc.madvise(page, HugePageBytes, Libc.MADV_HUGEPAGE);
        for (int at = HugePageBytes - LengthBytes; at >= 0; at -= LengthBytes)
            _free.Push(page + at);
    }

    /// <summary>No buffer is in use any more.</summary>
    public void Dispose()
    {
        foreach (IntPtr page in _pages)
            Libc.free(page);
        _pages.Clear();
        _free.Clear();
    }
}
