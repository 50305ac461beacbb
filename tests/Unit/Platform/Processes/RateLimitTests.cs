using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform.Processes;

/// <summary>So many bytes a second by a clock that only waits move.</summary>
public sealed class RateLimitTests
{
    private const int Rate = 1000;

    private readonly ClockDouble _clock = new();

    private RateLimit Limit => field ??= new RateLimit(Rate, _clock);

    private void Take(int lengthBytes) => Limit.Take(lengthBytes, CancellationToken.None);

    [Fact]
    public void Who_comes_waits_until_the_bytes_before_are_paid_for()
    {
        Take(500);
        Take(2000);
        Take(1);
        Assert.Equal([0.5, 2], _clock.Waits);
    }

    [Theory]
    [InlineData(0.1, 0.15)]
    [InlineData(0.25, 0)]
    [InlineData(3600, 0)]
    public void A_pause_is_credited_for_a_moment_only(double pauseSeconds, double waitSeconds)
    {
        Take(250);
        _clock.Now += TimeSpan.FromSeconds(pauseSeconds);
        Take(1000);
        Assert.Equal(waitSeconds, _clock.TotalSeconds, 6);
        // However long nothing was taken: no more than a quarter of a second goes free.
        double before = _clock.Now.TotalSeconds;
        Take(1);
        Assert.InRange(_clock.Now.TotalSeconds - before, 0.75, 1);
    }

    [Fact]
    public void Many_threads_together_keep_the_rate()
    {
        var threads = new List<Thread>();
        for (int i = 0; i < 4; i++)
        {
            var thread = new Thread(() =>
            {
                for (int k = 0; k < 250; k++)
                    Take(10);
            });
            thread.Start();
            threads.Add(thread);
        }
        threads.ForEach(t => t.Join());
        // 10,000 bytes, the last ten of which nobody waits for, and what the first threads' waits moved on for the others.
        Assert.InRange(_clock.Now.TotalSeconds, 9.5, 20);
    }

    [Fact]
    public void A_wait_ends_when_the_command_is_stopped()
    {
        using var stop = new CancellationTokenSource();
        var limit = new RateLimit(1);
        limit.Take(1 << 20, stop.Token);
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => limit.Take(1, stop.Token));
    }
}

/// <summary>Time that passes only while somebody waits.</summary>
internal sealed class ClockDouble : IRateClock
{
    private readonly object _gate = new();
    private TimeSpan _now;

    public List<double> Waits { get; } = [];

    public double TotalSeconds { get; private set; }

    public TimeSpan Now
    {
        get
        {
            lock (_gate)
                return _now;
        }
        set
        {
            lock (_gate)
                _now = value;
        }
    }

    public void Wait(TimeSpan time, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (_gate)
        {
            _now += time;
            TotalSeconds += time.TotalSeconds;
            Waits.Add(time.TotalSeconds);
        }
    }
}
