using System;
using System.Collections.Generic;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage;
using ImageBackup.Session;
using Xunit;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>What a repository's name says, and what is said of one that is not reached.</summary>
public sealed class StorageLocationTests
{
    [Theory]
    [InlineData("/srv/repo", "/srv/repo")]
    [InlineData("local:/srv/repo", "/srv/repo")]
    [InlineData(@"C:\repo", @"C:\repo")]
    [InlineData("./odd:name", "./odd:name")]
    [InlineData("unheard:of", "unheard:of")]
    public void A_path_is_a_directory(string text, string path)
    {
        StorageLocation location = StorageRegistry.Parse(text);
        Assert.Equal((StorageLocation.LocalScheme, path, path), (location.Scheme, location.LocalPath, location.DisplayName));
        Assert.False(StorageRegistry.HasScheme(text));
    }

    [Theory]
    [InlineData("gs:bucket:/x", "rclone serve restic")]
    [InlineData("b2:bucket:x", "rclone serve restic")]
    [InlineData("swift:container:/x", "rclone serve restic")]
    [InlineData("s3legacy:host/bucket", "s3_layout")]
    public void A_storage_that_is_not_reached_says_how_to_get_there(string text, string advice)
    {
        var e = Assert.Throws<ImageBackupException>(() => RepositoryLocation.Parse(text, path => path));
        Assert.Equal(ErrorId.NotSupported, e.Id);
        Assert.Contains(advice, e.RecommendedAction, StringComparison.Ordinal);
        Assert.DoesNotContain("bucket", e.Message + e.Target, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Backup-VolumeImage x -Repository rest:https://me:s3:cr/et@h:8000/p/ -AsJob", "Backup-VolumeImage x -Repository rest:https://me@h:8000/p/ -AsJob")]
    [InlineData("x 'rest:http://:secret@h/' y", "x 'rest:http://@h/' y")]
    [InlineData("Get-ImageVolume /dev/sda", "Get-ImageVolume /dev/sda")]
    public void A_job_s_command_line_shows_no_password(string line, string shown) => Assert.Equal(shown, StorageRegistry.WithoutPasswords(line));

    [Fact]
    public void A_path_is_made_absolute_and_an_option_that_nobody_knows_is_refused()
    {
        Assert.Equal("/at/x", RepositoryLocation.Parse("x", path => "/at/" + path).LocalPath);
        var options = new Dictionary<string, string> { ["rest.conections"] = "9" };
        var e = Assert.Throws<ImageBackupException>(() => RepositoryLocation.Parse("x", path => path, options));
        Assert.Equal(ErrorId.ParameterInvalid, e.Id);
        Assert.Contains("conections", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_that_changes_something_outlives_the_command_by_a_moment_only()
    {
        using var stop = new System.Threading.CancellationTokenSource();
        using (PendingCalls.Begin(stop.Token))
        {
            using ChangingCall call = PendingCalls.BeginChange();
            stop.Cancel();
            Assert.True(PendingCalls.Stop.IsCancellationRequested);
            Assert.False(call.Token.IsCancellationRequested);
            Assert.True(call.Token.WaitHandle.WaitOne(TimeSpan.FromMinutes(1)));
        }
    }
}
