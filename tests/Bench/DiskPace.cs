using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace ImageBackup.Bench;

/// <summary>How long a disk takes for a read. What it was asked for is counted.</summary>
internal abstract class DiskPace
{
    private long _requests, _turns, _bytes;
    private int _atOnce, _mostAtOnce;

    protected object Gate { get; } = new();

    /// <summary>Where the last read ended.</summary>
    protected long EndBytes { get; private set; } = -1;

    /// <summary>Waits until the disk has read it. Any thread.</summary>
    public void Wait(long offsetBytes, int countBytes)
    {
        lock (Gate)
        {
            _mostAtOnce = Math.Max(_mostAtOnce, ++_atOnce);
            _requests++;
            _bytes += countBytes;
        }
        Take(offsetBytes, countBytes);
        lock (Gate)
            _atOnce--;
    }

    /// <summary>Waits, and calls <see cref="Served"/> in the order in which the disk reads.</summary>
    protected abstract void Take(long offsetBytes, int countBytes);

    /// <summary>Whether the disk had to go elsewhere for it. Under the gate.</summary>
    protected bool Served(long offsetBytes, int countBytes)
    {
        bool isTurn = offsetBytes != EndBytes;
        EndBytes = offsetBytes + countBytes;
        if (isTurn)
            _turns++;
        return isTurn;
    }

    /// <summary>What it was asked for since the last call.</summary>
    public string Tell()
    {
        lock (Gate)
        {
            string told = FormattableString.Invariant($"{_requests} reads of {_bytes / 1024.0 / Math.Max(1, _requests):F0} KiB, at most {_mostAtOnce} at once, {_turns} of them elsewhere than behind the last");
            (_requests, _turns, _bytes, _mostAtOnce) = (0, 0, 0, _atOnce);
            return told;
        }
    }

    /// <param name="name">network: each read takes 5 ms, any number at once, 500 MB/s. spinning: one arm, 8 ms to go elsewhere, 150 MB/s.</param>
    public static DiskPace Of(string name) => name switch
    {
        "network" => new NetworkDisk(TimeSpan.FromMilliseconds(5), 500e6),
        "spinning" => new SpinningDisk(TimeSpan.FromMilliseconds(8), 150e6),
        _ => throw new ArgumentException("--disk takes network or spinning", nameof(name)),
    };

    private static void Sleep(double seconds)
    {
        if (seconds > 0)
            Thread.Sleep(TimeSpan.FromSeconds(seconds));
    }

    private sealed class NetworkDisk(TimeSpan delay, double bytesPerSecond) : DiskPace
    {
        private long _free;

        protected override void Take(long offsetBytes, int countBytes)
        {
            long due;
            lock (Gate)
            {
                Served(offsetBytes, countBytes);
                _free = Math.Max(_free, Stopwatch.GetTimestamp()) + (long)(countBytes / bytesPerSecond * Stopwatch.Frequency);
                due = _free;
            }
            Sleep(delay.TotalSeconds + (due - Stopwatch.GetTimestamp()) / (double)Stopwatch.Frequency);
        }
    }

    /// <summary>Of what waits it takes the next behind where its arm is, then from the beginning again, as disks and schedulers do.</summary>
    private sealed class SpinningDisk(TimeSpan seek, double bytesPerSecond) : DiskPace
    {
        private readonly SortedSet<(long OffsetBytes, long Number)> _waiting = [];
        private long _number;
        private bool _isBusy;

        protected override void Take(long offsetBytes, int countBytes)
        {
            double seconds;
            lock (Gate)
            {
                (long, long) mine = (offsetBytes, _number++);
                _waiting.Add(mine);
                while (_isBusy || Next() != mine)
                    Monitor.Wait(Gate);
                _waiting.Remove(mine);
                _isBusy = true;
                seconds = (Served(offsetBytes, countBytes) ? seek.TotalSeconds : 0) + countBytes / bytesPerSecond;
            }
            Sleep(seconds);
            lock (Gate)
            {
                _isBusy = false;
                Monitor.PulseAll(Gate);
            }
        }

        private (long OffsetBytes, long Number) Next()
        {
            SortedSet<(long OffsetBytes, long Number)> behind = _waiting.GetViewBetween((EndBytes, 0), (long.MaxValue, long.MaxValue));
            return behind.Count > 0 ? behind.Min : _waiting.Min;
        }
    }
}
