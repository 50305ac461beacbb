using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Pipeline;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>-AsJob: a job that the engine's own job cmdlets take.</summary>
[Collection(CommandTests.Name)]
public sealed class JobCommandTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;

    public JobCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = fixture.NewSession();
        _session.Run("$null = Connect-ImageRepository $repository -Password $password").WithoutErrors();
    }

    public void Dispose() => _session.Dispose();

    [Fact]
    public void A_failure_is_an_error_of_the_job_and_the_other_volumes_follow()
    {
        ShellResult result = _session.Run("Backup-VolumeImage ./absent.img, $volume -AsJob | Receive-Job -Wait -AutoRemoveJob");
        Assert.Equal(["VolumeNotFound", "SomeVolumesFailed"], result.Ids);
        Assert.Equal(_fixture.VolumeFile, result.Single<ImageBackupInfo>().Volume);
    }

    [Theory]
    [InlineData("./absent.img, ./missing.img", "Failed")]
    [InlineData("./absent.img, $volume", "Completed")]
    public void A_job_in_which_all_failed_has_failed(string volumes, string state)
    {
        ShellResult result = _session.Run($"$job = Backup-VolumeImage {volumes} -AsJob | Wait-Job; [string]$job.State; $job | Remove-Job -Force").WithoutErrors();
        Assert.Equal(state, result.Output[0].BaseObject);
    }

    [Fact]
    public void A_wrong_password_is_told_before_a_job_starts()
    {
        ShellResult result = _session.Run(
            "Backup-VolumeImage $volume -AsJob -Repository $repository -Password $wrong; Get-Job", ("wrong", RepositoryFixture.Secret("no")));
        Assert.Equal("WrongPassword", result.ErrorId);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void A_restore_asks_before_its_job_starts()
    {
        string target = _fixture.PathOf($"job-{Guid.NewGuid():N}.img");
        _session.Set("target", target);
        _session.Run("$image = Backup-VolumeImage $volume").WithoutErrors();
        _session.Host.Console.Questions.Clear();
        _session.Host.Console.Answer = 2;
        Assert.Empty(_session.Run("$image | Restore-VolumeImage -Destination $target -AsJob").WithoutErrors().Output);
        Assert.Single(_session.Host.Console.Questions);
        _session.Host.Console.Answer = 0;
        ShellResult result = _session.Run("$image | Restore-VolumeImage -Destination $target -AsJob | Receive-Job -Wait -AutoRemoveJob").WithoutErrors();
        Assert.Equal(target, result.Single<RestoreResult>().Destination);
        Assert.Equal(File.ReadAllBytes(_fixture.VolumeFile), File.ReadAllBytes(target));
        Assert.Equal("TargetExists", _session.Run("$image | Restore-VolumeImage -Destination $target -AsJob").ErrorId);
    }

    [Fact]
    public async Task Stopping_a_job_stops_its_command_and_waits_for_it()
    {
        // Its pipeline stays open: the command waits for another volume until it is stopped.
        using var volumes = new PSDataCollection<object> { _fixture.VolumeFile };
        RepositoryConnection connection = _session.Run("Connect-ImageRepository $repository -Password $password").WithoutErrors().Single<RepositoryConnection>();
        int releasedCount = 0;
        using var job = new ImageBackupJob(
            "Backup-VolumeImage",
            [new JobStep("Backup-VolumeImage", new Dictionary<string, object?> { ["Repository"] = connection }, volumes)],
            () => Interlocked.Increment(ref releasedCount));
        job.Start();
        await WaitUntil(() => job.Output.Count > 0);
        Assert.Equal(JobState.Running, job.JobStateInfo.State);
        Assert.True(job.HasMoreData);
        job.StopJob();
        Assert.Equal(1, releasedCount);
        Assert.Equal(JobState.Stopped, job.JobStateInfo.State);
        Assert.Empty(job.Error);
        Assert.Empty(Directory.GetFiles(Path.Combine(_fixture.Location, "locks")));
        job.StopJob();
    }

    /// <summary>As Receive-Job -AutoRemoveJob does.</summary>
    [Fact]
    public async Task Who_hears_of_a_jobs_end_may_stop_it()
    {
        RepositoryConnection connection = _session.Run("Connect-ImageRepository $repository -Password $password").WithoutErrors().Single<RepositoryConnection>();
        using var job = new ImageBackupJob(
            "Backup-VolumeImage",
            [new JobStep("Backup-VolumeImage", new Dictionary<string, object?> { ["Repository"] = connection, ["Volume"] = _fixture.VolumeFile }, null)],
            () => { });
        int stoppedCount = 0;
        job.StateChanged += (_, changed) =>
        {
            if (changed.JobStateInfo.State != JobState.Completed)
                return;
            job.StopJob();
            Interlocked.Increment(ref stoppedCount);
        };
        job.Start();
        await WaitUntil(() => Volatile.Read(ref stoppedCount) == 1);
        Assert.Equal(JobState.Completed, job.JobStateInfo.State);
    }

    [Fact]
    public void Several_volumes_have_one_progress_above_theirs()
    {
        string other = _fixture.NewVolume($"other-{Guid.NewGuid():N}.img", seed: 77);
        _session.Host.Console.Progress.Clear();
        _session.Run("$images = Backup-VolumeImage $volume, $other", ("other", other)).WithoutErrors();
        // Whether a record was due before so small a volume ended is a matter of time; those that were must nest.
        var parents = _session.Host.Console.Progress.Where(p => p.Activity == "Backup-VolumeImage").Select(p => p.ActivityId).Distinct().ToList();
        Assert.InRange(parents.Count, 0, 1);
        Assert.All(
            _session.Host.Console.Progress.Where(p => p.Activity.StartsWith("Backing up", StringComparison.Ordinal)),
            p => Assert.Contains(p.ParentActivityId, parents));
    }

    private static async Task WaitUntil(Func<bool> condition)
    {
        for (int i = 0; i < 600 && !condition(); i++)
            await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.True(condition(), "It did not happen within 30 s.");
    }

    [Fact]
    public void A_job_gives_way_as_its_command_was_told_to()
    {
        ShellResult result = _session.Run("Backup-VolumeImage $volume -AsJob -Priority Background -LimitRead 4GB -LimitWrite '2 GiB' | Receive-Job -Wait -AutoRemoveJob").WithoutErrors();
        Assert.Equal(_fixture.VolumeFile, result.Single<ImageBackupInfo>().Volume);
        string said = _session.Run("Backup-VolumeImage $volume -AsJob -Priority Background -LimitRead 4GB -LimitWrite '2 GiB' -WhatIf").WithoutErrors().Text;
        Assert.Contains("giving way to other programs, reading at most 4.0 GiB a second, writing at most 2.0 GiB a second", said, StringComparison.Ordinal);
    }
}
