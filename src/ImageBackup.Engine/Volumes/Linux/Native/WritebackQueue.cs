using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>
/// Sends on to the disk what was written into the page cache, on a thread of its own: the kernel lets who does it wait when the disk has
/// enough to do, and those who write have other work. Long writes are sent on at once; every so many bytes all is waited for, and its pages
/// are given back. So the flush at the end finds little, and memory is not full of dirty pages. Any thread.
/// </summary>
/// <param name="name">The target's, for who asks what a stopped command waits for.</param>
/// <param name="begin">Has the kernel begin to write a range (offset and length in bytes).</param>
/// <param name="recycle">Waits until all that was written before is on the disk, and gives the pages back. If it throws, the queue ends; it has told those who write.</param>
internal sealed class WritebackQueue(string name, Action<long, long> begin, Action recycle) : IDisposable
{
    /// <summary>Writes of at least this many bytes are sent on at once; smaller ones may still grow together.</summary>
    public const int WorthBytes = 256 << 10;

    /// <summary>So many bytes written, and they are waited for and their pages given back.</summary>
    public const long RoundBytes = 32 << 20;

    /// <summary>Who writes so far ahead waits for the disk: one round is waited for while the next is written.</summary>
    public const long LimitBytes = 2 * RoundBytes;

    private readonly object _gate = new();
    private readonly Queue<(long OffsetBytes, long LengthBytes, bool IsRun)> _written = new();
    private Thread? _thread;
    private long _shortBytes;
    private long _aheadBytes;
    private bool _isBusy;
    private bool _isEnded;

    /// <summary>Takes note of what was written; waits if the disk is far behind.</summary>
    public void Note(long offsetBytes, long lengthBytes)
    {
        lock (_gate)
        {
            if (_isEnded)
                return;
            bool isRun = lengthBytes >= WorthBytes;
            if (!isRun && (_shortBytes += lengthBytes) < WorthBytes)
                return;
            if (!isRun)
                (lengthBytes, _shortBytes) = (_shortBytes, 0);
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "ImageBackup writeback" };
                _thread.Start();
            }
            _written.Enqueue((offsetBytes, lengthBytes, isRun));
            _aheadBytes += lengthBytes;
            if (!_isBusy)
                Monitor.PulseAll(_gate);
            while (_aheadBytes >= LimitBytes && !_isEnded)
                Monitor.Wait(_gate);
        }
    }

    /// <summary>Waits until all that was noted has been sent on, and nothing asks the kernel how it went: it tells a failure once.</summary>
    public void AwaitSent()
    {
        lock (_gate)
        {
            while ((_written.Count > 0 || _isBusy) && !_isEnded)
                Monitor.Wait(_gate);
        }
    }

    private void Run()
    {
        WorkPace.JoinThread();
        long roundBytes = 0;
        while (Next() is { } range)
        {
            try
            {
                using PendingCall call = PendingCalls.Enter(name);
                if (range.IsRun)
                    begin(range.OffsetBytes, range.LengthBytes);
                roundBytes += range.LengthBytes;
                if (roundBytes < RoundBytes)
                    continue;
                recycle();
            }
            catch (Exception)
            {
                End();
                return;
            }
            lock (_gate)
            {
                _aheadBytes -= roundBytes;
                Monitor.PulseAll(_gate);
            }
            roundBytes = 0;
        }
    }

    /// <summary>Null at the end.</summary>
    private (long OffsetBytes, long LengthBytes, bool IsRun)? Next()
    {
        lock (_gate)
        {
            _isBusy = false;
            if (_written.Count == 0)
                Monitor.PulseAll(_gate);
            while (_written.Count == 0 && !_isEnded)
                Monitor.Wait(_gate);
            if (_isEnded)
                return null;
            _isBusy = true;
            return _written.Dequeue();
        }
    }

    private void End()
    {
        lock (_gate)
        {
            _isEnded = true;
            _written.Clear();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>What was not sent on stays the kernel's to write.</summary>
    public void Dispose()
    {
        End();
        _thread?.Join();
    }
}
