using System;
using System.Management.Automation;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Pipeline;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>The record above the records of single volumes.</summary>
public sealed class OverallProgressTests
{
    private static JobProgress At(long done, long total) => new(JobPhase.Copying, "v", done, total, 0, TimeSpan.FromSeconds(1));

    private static ProgressRecord Record(OverallProgress overall, JobProgress? current)
    {
        var record = new ProgressRecord(1, "a", "s");
        overall.Fill(record, current);
        return record;
    }

    [Fact]
    public void It_counts_bytes_where_all_are_known()
    {
        var overall = new OverallProgress(7);
        overall.Expect(100);
        overall.Expect(300);
        overall.Start();
        Assert.Equal(12, Record(overall, At(50, 100)).PercentComplete);
        overall.Finish(At(100, 100));
        overall.Start();
        ProgressRecord record = Record(overall, At(150, 300));
        Assert.Equal(62, record.PercentComplete);
        Assert.InRange(record.SecondsRemaining, 0, int.MaxValue);
        Assert.StartsWith("2 of 2, 250 B", record.StatusDescription, StringComparison.Ordinal);
    }

    [Fact]
    public void It_counts_things_where_a_size_is_not_known()
    {
        var overall = new OverallProgress(7);
        overall.Expect(null);
        overall.Expect(null);
        overall.Start();
        overall.Finish(At(10, 10));
        overall.Start();
        Assert.Equal(75, Record(overall, At(5, 10)).PercentComplete);
    }

    [Fact]
    public void A_pipeline_tells_how_many_came_and_promises_nothing()
    {
        var overall = new OverallProgress(7) { IsOpen = true };
        overall.Start();
        Assert.False(overall.IsShown);
        overall.Start();
        Assert.True(overall.IsShown);
        ProgressRecord record = Record(overall, At(5, 10));
        Assert.Equal(-1, record.PercentComplete);
        Assert.Equal(-1, record.SecondsRemaining);
        Assert.StartsWith("2, ", record.StatusDescription, StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_volume_has_none()
    {
        var overall = new OverallProgress(7);
        overall.Start();
        Assert.False(overall.IsShown);
    }
}
