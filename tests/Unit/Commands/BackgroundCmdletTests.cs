using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using System.Threading;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Pipeline;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>A cmdlet whose work is a delegate.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "PumpedWork", SupportsShouldProcess = true)]
public sealed class InvokePumpedWorkCommand : BackgroundCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    public PSObject Work { get; set; } = null!;

    /// <summary>The delegate gets what writes an object while it runs, instead of the channel.</summary>
    [Parameter]
    public SwitchParameter Writes { get; set; }

    private protected override void Process() => WriteObject(RunInBackground("Working", channel =>
        ((Func<object, CancellationToken, object>)Work.BaseObject)(Writes ? (Action<object>)(given => channel.Write(() => WriteObject(given), Stop)) : channel, Stop)));
}

/// <summary>The pump between background work and the pipeline thread.</summary>
public sealed class BackgroundCmdletTests : IDisposable
{
    private readonly ShellSession _session = new(typeof(InvokePumpedWorkCommand));

    public void Dispose() => _session.Dispose();

    private static Func<object, CancellationToken, object> Work(Func<CmdletChannel, CancellationToken, object> work) =>
        (channel, stop) => work((CmdletChannel)channel, stop);

    private static JobProgress At(long done) => new(JobPhase.Copying, "vol", done, 1000, 10, TimeSpan.FromSeconds(1));

    [Fact]
    public void Messages_and_the_result_come_out_on_the_pipeline_thread()
    {
        ShellResult result = _session.Run("$work | Invoke-PumpedWork -Verbose", ("work", Work((channel, _) =>
        {
            channel.WriteWarning("careful");
            channel.WriteVerbose("detail");
            return 42;
        })));
        Assert.Equal(42, result.WithoutErrors().Single<int>());
        Assert.Equal(["careful"], result.Warnings);
        Assert.Contains("detail", result.Verbose);
    }

    [Fact]
    public void Progress_is_shown_about_five_times_a_second_and_ends()
    {
        var watch = Stopwatch.StartNew();
        _session.Run("Invoke-PumpedWork $work", ("work", Work((channel, _) =>
        {
            for (int i = 0; i < 1000; i++)
            {
                channel.Report(At(i));
                Thread.Sleep(1);
            }
            return 0;
        }))).WithoutErrors();
        List<ProgressRecord> shown = _session.Host.Console.Progress;
        // However long a loaded machine takes: five a second, and the one that ends it.
        Assert.InRange(shown.Count, 2, (int)(watch.Elapsed.TotalSeconds * 5) + 2);
        Assert.All(shown, p => Assert.StartsWith("Working", p.Activity, StringComparison.Ordinal));
        Assert.Contains(shown, p => p.StatusDescription.Contains("/s", StringComparison.Ordinal));
        Assert.Equal(ProgressRecordType.Completed, shown[^1].RecordType);
    }

    [Fact]
    public void A_known_failure_is_an_error_record_and_the_next_input_follows()
    {
        ShellResult result = _session.Run(
            "$bad, $good | Invoke-PumpedWork",
            ("bad", Work((_, _) => throw new ImageBackupException(ErrorId.VolumeInUse, "held", "/dev/x"))),
            ("good", Work((_, _) => "fine")));
        Assert.Equal("fine", result.Single<string>());
        Assert.Equal("VolumeInUse", result.ErrorId);
        Assert.StartsWith("VolumeInUse,", result.Errors[0].FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Equal(ErrorCategory.ResourceBusy, result.Errors[0].CategoryInfo.Category);
        Assert.Equal("/dev/x", result.Errors[0].TargetObject);
    }

    /// <summary>What stops the pipeline from downstream is not a failure of the work's.</summary>
    [Fact]
    public void A_pipeline_that_wants_no_more_is_no_error()
    {
        int runCount = 0;
        ShellResult result = _session.Run(
            "do { $work, $work | Invoke-PumpedWork | ForEach-Object { $_; break } } while ($false); 'after'", ("work", Work((_, _) => ++runCount)));
        Assert.Equal([1, "after"], result.WithoutErrors().Output.Select(o => o.BaseObject));
        Assert.Equal(1, runCount);
    }

    /// <summary>Objects are written while the work goes on, which is ahead of the pipeline by a few at most, and ends when that wants no more.</summary>
    [Fact]
    public void What_the_work_gives_is_written_before_the_work_ends()
    {
        int given = 0;
        bool wasStopped = false;
        Func<object, CancellationToken, object> work = (write, _) =>
        {
            try
            {
                for (; ; given++)
                    ((Action<object>)write)(given);
            }
            catch (OperationCanceledException)
            {
                wasStopped = true;
                throw;
            }
        };
        ShellResult result = _session.Run("$work | Invoke-PumpedWork -Writes | Select-Object -First 3", ("work", work));
        Assert.Equal([0, 1, 2], result.WithoutErrors().Output.Select(o => o.BaseObject));
        Assert.True(wasStopped, "the work went on");
        Assert.InRange(given, 3, 8);
    }

    [Fact]
    public void A_defect_is_an_unexpected_error() =>
        Assert.Equal("Unexpected", _session.Run("Invoke-PumpedWork $work", ("work", Work((_, _) => throw new ArithmeticException("x")))).ErrorId);

    [Fact]
    public void A_cancellation_that_nobody_asked_for_is_an_error() =>
        Assert.Equal("Cancelled", _session.Run("Invoke-PumpedWork $work", ("work", Work((_, _) => throw new OperationCanceledException()))).ErrorId);

    [Fact]
    public void Stopping_cancels_the_work_waits_for_it_and_is_silent()
    {
        using var started = new ManualResetEventSlim();
        bool cleanedUp = false;
        _session.Set("work", Work((_, stop) =>
        {
            started.Set();
            stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(30));
            Thread.Sleep(300);
            cleanedUp = true;
            stop.ThrowIfCancellationRequested();
            return "not cancelled";
        }));
        using PowerShell shell = _session.Prepare("Invoke-PumpedWork $work; 'after'");
        IAsyncResult running = shell.BeginInvoke();
        Assert.True(started.Wait(TimeSpan.FromSeconds(20)));
        var watch = Stopwatch.StartNew();
        shell.Stop();
        Assert.True(cleanedUp, "the pipeline ended before its work did");
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
        Assert.Equal(PSInvocationState.Stopped, shell.InvocationStateInfo.State);
        Assert.Empty(shell.Streams.Error);
        Assert.Throws<PipelineStoppedException>(() => shell.EndInvoke(running));
    }

    /// <summary>Nothing can interrupt a read of a disk that does not answer: the user who stops the command gets the prompt back all the same.</summary>
    [Fact]
    public void A_device_that_does_not_answer_is_let_go_of()
    {
        using var started = new ManualResetEventSlim();
        using var answer = new ManualResetEventSlim();
        using var gaveBack = new ManualResetEventSlim();
        _session.Set("work", Work((_, stop) =>
        {
            // On a thread of its own, as the threads that copy.
            var reader = new Thread(() =>
            {
                using (PendingCalls.Enter("/dev/deaf"))
                {
                    started.Set();
                    answer.Wait(TimeSpan.FromMinutes(5));
                }
            });
            reader.Start();
            reader.Join();
            gaveBack.Set();
            stop.ThrowIfCancellationRequested();
            return 0;
        }));
        using PowerShell shell = _session.Prepare("Invoke-PumpedWork $work");
        shell.BeginInvoke();
        Assert.True(started.Wait(TimeSpan.FromMinutes(1)));
        var watch = Stopwatch.StartNew();
        shell.Stop();
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 60);
        Assert.False(gaveBack.IsSet);
        Assert.Contains("'/dev/deaf' does not answer", _session.Host.Console.Text.ToString(), StringComparison.Ordinal);
        answer.Set();
        Assert.True(gaveBack.Wait(TimeSpan.FromMinutes(1)), "What it holds is not given back when the device answers.");
    }

    /// <summary>Work that takes its time to tidy up is none that does not answer.</summary>
    [Fact]
    public void Work_that_tidies_up_for_long_is_waited_for()
    {
        using var started = new ManualResetEventSlim();
        bool tidied = false;
        _session.Set("work", Work((_, stop) =>
        {
            started.Set();
            stop.WaitHandle.WaitOne(TimeSpan.FromMinutes(1));
            for (int i = 0; i < 60; i++)
            {
                using (PendingCalls.Enter("/dev/slow"))
                    Thread.Sleep(100);
            }
            tidied = true;
            return 0;
        }));
        using PowerShell shell = _session.Prepare("Invoke-PumpedWork $work");
        shell.BeginInvoke();
        Assert.True(started.Wait(TimeSpan.FromMinutes(1)));
        shell.Stop();
        Assert.True(tidied);
    }

    [Fact]
    public void A_warning_that_stops_the_pipeline_cancels_the_work_first()
    {
        bool cleanedUp = false;
        ShellResult result = _session.Run("Invoke-PumpedWork $work -WarningAction Stop", ("work", Work((channel, stop) =>
        {
            channel.WriteWarning("careful");
            bool wasCancelled = stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(30));
            cleanedUp = wasCancelled;
            return 0;
        })));
        Assert.True(cleanedUp);
        Assert.Single(result.Errors);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void The_record_says_percent_rate_stored_and_time_left()
    {
        var progress = new JobProgress(JobPhase.Copying, "D:", 3L << 30, 4L << 30, 1L << 29, TimeSpan.FromSeconds(3));
        Assert.Equal("75 %, 1.0 GiB/s, 512.0 MiB stored", ProgressText.Status(progress));
        var record = new ProgressRecord(1, "a", "s");
        ProgressText.Fill(record, progress, "Backing up D:", "", 80);
        Assert.Equal("Backing up D:", record.Activity);
        Assert.Equal("Copying 3.0 GiB of 4.0 GiB", record.CurrentOperation);
        Assert.Equal(75, record.PercentComplete);
        Assert.Equal(1, record.SecondsRemaining);
        ProgressText.Fill(record, progress with { TotalBytes = 0 }, "Backing up D:", "2 of 3", 80);
        Assert.Equal("Backing up D: (2 of 3)", record.Activity);
        Assert.Equal("Copying", record.StatusDescription);
        Assert.Equal(-1, record.PercentComplete);
    }

    /// <summary>What PowerShell 7 makes of a record: the activity at most half of the width, then brackets around status and seconds.</summary>
    [Theory]
    [InlineData("D:", "")]
    [InlineData("/dev/mapper/a-volume-group-with-a-long-name-data", "")]
    [InlineData("/dev/mapper/a-volume-group-with-a-long-name-data", "10 of 12")]
    [InlineData(@"\\?\Volume{01234567-89ab-cdef-0123-456789abcdef}\", "2")]
    public void A_record_fits_80_columns_with_all_its_figures(string volume, string position)
    {
        foreach (long stored in new[] { 0, 1000L << 20, 1023L << 40 })
        {
            var progress = new JobProgress(JobPhase.Copying, volume, 999L << 30, 1000L << 30, stored, TimeSpan.FromSeconds(1020));
            var record = new ProgressRecord(1, "a", "s");
            ProgressText.Fill(record, progress, "Backing up " + volume, position, 80);
            int taken = record.Activity.Length + record.StatusDescription.Length + record.SecondsRemaining.ToString(System.Globalization.CultureInfo.InvariantCulture).Length;
            Assert.True(taken + 2 + 5 <= 80, $"{record.Activity} [{record.StatusDescription} {record.SecondsRemaining}s]");
            Assert.InRange(record.Activity.Length, 1, 40);
            Assert.Contains(volume[^Math.Min(5, volume.Length)..].TrimStart(), record.Activity, StringComparison.Ordinal);
            Assert.EndsWith(position, record.Activity.TrimEnd(')'), StringComparison.Ordinal);
        }
    }
}
