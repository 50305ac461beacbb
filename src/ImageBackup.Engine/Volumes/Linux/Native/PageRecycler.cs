using System;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>
/// Gives the cached pages of a device back behind those who read it through. Several threads read pieces of one run at once
/// and not quite in order, so what lies a distance behind the furthest is done with; a read before that begins another run.
/// </summary>
/// <param name="drop">Gives back a range's pages: its offset and length in bytes.</param>
internal sealed class PageRecycler(Action<long, long> drop)
{
    /// <summary>How far apart threads that read one run may be: some chunks of each.</summary>
    private const long DistanceBytes = 16 << 20;

    private readonly object _gate = new();
    private long _runStart = long.MaxValue;
    private long _runEnd;

    /// <summary>Notes what was read. Any thread.</summary>
    public void Note(long offsetBytes, long lengthBytes)
    {
        long start, end;
        lock (_gate)
        {
            if (offsetBytes < _runStart)
            {
                _runStart = offsetBytes;
                _runEnd = offsetBytes;
            }
            _runEnd = Math.Max(_runEnd, offsetBytes + lengthBytes);
            if (_runEnd - _runStart < 2 * DistanceBytes)
                return;
            (start, end) = (_runStart, _runEnd - DistanceBytes);
            _runStart = end;
        }
        drop(start, end - start);
    }
}
