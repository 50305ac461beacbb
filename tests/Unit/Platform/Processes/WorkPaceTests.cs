using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform.Processes;

/// <summary>What -LimitRead, -LimitWrite and -Priority set follows a job into its threads, and ends with it.</summary>
public sealed class WorkPaceTests
{
    private const int Rate = 1 << 20;

    /// <summary>By a clock that only waits move: the bytes that a job moves are paid for, on all its threads.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_backup_a_restore_and_a_proof_pay_for_their_bytes(bool limitsReads, bool limitsWrites)
    {
        using var rig = new JobRig();
        byte[] content = SeededBytes.Make(3, 4 << 20);
        rig.Volumes.Add("/mem/a", content);
        var clock = new ClockDouble();
        var pace = new WorkPace(limitsReads ? new RateLimit(Rate, clock) : null, limitsWrites ? new RateLimit(Rate, clock) : null, isBackground: false);
        double last = 0;
        double Paid()
        {
            double all = clock.Waits.Sum(), paid = all - last;
            last = all;
            return paid;
        }
        using (pace.Begin())
        {
            ImageBackupInfo image = rig.Backup("/mem/a");
            // 4 MiB of what cannot be compressed; the waits of several threads overlap, so that they are longer together.
            Assert.InRange(Paid(), 2.5, 40);
            rig.AssertRestores(image.Id, content);
            Assert.InRange(Paid(), 2.5, 40);
            Assert.True(rig.Verify(image.Id).IsWhole);
            Assert.InRange(Paid(), limitsReads ? 2.5 : 0, limitsReads ? 40 : 0);
        }
        rig.Backup("/mem/a");
        Assert.Equal(0, Paid());
    }

    [Fact]
    public void Threads_of_background_work_give_way_and_the_others_do_not()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux's /proc tells a thread's nice value.");
        int usual = Nice("/proc/self/stat");
        (int Own, int[] Workers) seen = (int.MinValue, []);
        string[] left = [];
        var work = new Thread(() =>
        {
            using (new WorkPace(null, null, isBackground: true).Begin())
            {
                seen.Own = Nice("/proc/thread-self/stat");
                int next = 0;
                int[] nice = new int[8];
                new ChunkPipeline<int>(2, 1, 4).Run(() => next < nice.Length ? next++ : null, fill: null,
                    release => new Worker(i => nice[i] = Nice("/proc/thread-self/stat"), release), CancellationToken.None);
                seen.Workers = nice;
                // The runtime makes a thread of its own, which lives on.
                using var done = new ManualResetEvent(false);
                var born = new Thread(() => done.WaitOne());
                born.Start();
                left = [.. Directory.EnumerateDirectories("/proc/self/task")];
                done.Set();
                born.Join();
            }
        });
        work.Start();
        work.Join();
        // Only root may take a nice value back.
        int expected = Environment.IsPrivilegedProcess ? Math.Min(19, usual + 10) : usual;
        Assert.Equal(expected, seen.Own);
        Assert.All(seen.Workers, n => Assert.Equal(expected, n));
        Assert.NotEmpty(left);
        int[] Now() => [.. Directory.EnumerateDirectories("/proc/self/task").Where(left.Contains).Select(t => Nice(Path.Combine(t, "stat"))).Where(n => n != int.MinValue)];
        Assert.NotEmpty(Now());
        // With the last work of the process that gives way: another test's may go on.
        SpinWait.SpinUntil(() => Array.TrueForAll(Now(), n => n == usual), TimeSpan.FromMinutes(1));
        Assert.All(Now(), n => Assert.Equal(usual, n));
    }

    /// <summary>A thread that began during the work and outlives it, as those of the runtime's pool do.</summary>
    [Fact]
    public void A_thread_that_outlives_the_work_gets_its_priority_back()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Linux's /proc tells a thread's nice value.");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Without root threads keep their nice value from the beginning.");
        int usual = Nice("/proc/self/stat"), during = int.MinValue, after = int.MinValue;
        using var begun = new ManualResetEvent(false);
        using var ended = new ManualResetEvent(false);
        var outlives = new Thread(() =>
        {
            during = Nice("/proc/thread-self/stat");
            begun.Set();
            ended.WaitOne();
            SpinWait.SpinUntil(() => Nice("/proc/thread-self/stat") == usual, TimeSpan.FromMinutes(1));
            after = Nice("/proc/thread-self/stat");
        });
        var work = new Thread(() =>
        {
            using (new WorkPace(null, null, isBackground: true).Begin())
            {
                outlives.Start();
                begun.WaitOne();
            }
        });
        work.Start();
        work.Join();
        ended.Set();
        outlives.Join();
        Assert.Equal((Math.Min(19, usual + 10), usual), (during, after));
    }

    /// <summary>The 19th field, behind the name in brackets; a number that nobody has if the thread has ended.</summary>
    private static int Nice(string path)
    {
        try
        {
            string stat = File.ReadAllText(path);
            return int.Parse(stat.Substring(stat.LastIndexOf(')') + 2).Split(' ')[16], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return int.MinValue;
        }
    }

    private sealed class Worker(Action<int> note, Action<byte[]> release) : ChunkPipeline<int>.IWorker
    {
        public void Process(int item, byte[] buffer)
        {
            note(item);
            release(buffer);
        }

        public void Drain()
        {
        }

        public void Finish()
        {
        }

        public void Dispose()
        {
        }
    }
}
