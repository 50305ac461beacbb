using System;
using System.Diagnostics;
using System.Threading;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>The time that a rate is measured by.</summary>
internal interface IRateClock
{
    /// <summary>Since any fixed moment.</summary>
    TimeSpan Now { get; }

    /// <summary>Waits.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    void Wait(TimeSpan time, CancellationToken cancellation);
}

/// <summary>
/// At most so many bytes a second, over all threads: a token bucket. Who comes while the bytes before are not paid for waits; a pause is credited
/// for a moment only, so that no burst follows it.
/// </summary>
/// <param name="bytesPerSecond">1 or more.</param>
/// <param name="clock">Null: the system's.</param>
internal sealed class RateLimit(long bytesPerSecond, IRateClock? clock = null)
{
    private static readonly TimeSpan s_credit = TimeSpan.FromMilliseconds(250);

    private readonly IRateClock _clock = clock ?? new SystemClock();
    private readonly object _gate = new();

    /// <summary>When all is paid for that was let through.</summary>
    private TimeSpan? _paid;

    public long BytesPerSecond => bytesPerSecond;

    /// <summary>Waits until so many bytes may go. Any thread; they go in the order in which they ask.</summary>
    /// <exception cref="OperationCanceledException">Cancelled while it waited.</exception>
    public void Take(long lengthBytes, CancellationToken cancellation)
    {
        TimeSpan wait;
        lock (_gate)
        {
            TimeSpan now = _clock.Now, start = _paid is { } paid && paid > now - s_credit ? paid : now - s_credit;
            // The first bytes of all have no pause before them.
            if (_paid is null)
                start = now;
            wait = start - now;
            _paid = start + TimeSpan.FromTicks((long)((double)lengthBytes * TimeSpan.TicksPerSecond / bytesPerSecond));
        }
        if (wait > TimeSpan.Zero)
            _clock.Wait(wait, cancellation);
    }

    private sealed class SystemClock : IRateClock
    {
        private readonly Stopwatch _watch = Stopwatch.StartNew();

        public TimeSpan Now => _watch.Elapsed;

        public void Wait(TimeSpan time, CancellationToken cancellation)
        {
            // A handle counts to int.MaxValue milliseconds.
            for (; time > s_longest; time -= s_longest)
                WaitOnce(s_longest, cancellation);
            WaitOnce(time, cancellation);
        }

        private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);

        private static void WaitOnce(TimeSpan time, CancellationToken cancellation)
        {
            cancellation.WaitHandle.WaitOne(time);
            cancellation.ThrowIfCancellationRequested();
        }
    }
}
