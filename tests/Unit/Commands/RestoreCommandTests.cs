using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Restore-VolumeImage to files, its questions and its refusals; Test-ImageBackup.</summary>
[Collection(CommandTests.Name)]
public sealed class RestoreCommandTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly string _target;

    public RestoreCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = fixture.NewSession();
        _target = fixture.PathOf($"target-{Guid.NewGuid():N}.img");
        _session.Set("target", _target);
        _session.Run(
            "$null = Connect-ImageRepository $repository -Password $password; $image = Backup-VolumeImage $volume").WithoutErrors();
    }

    public void Dispose() => _session.Dispose();

    private void AssertRestored() => Assert.Equal(File.ReadAllBytes(_fixture.VolumeFile), File.ReadAllBytes(_target));

    /// <summary>An inactive member of something larger: nobody uses it now, and all of it would be lost.</summary>
    [Fact]
    public void Force_onto_what_belongs_to_something_larger_asks_once_more()
    {
        Tool.Require("losetup");
        byte[] luks = new byte[4 << 20];
        Convert.FromHexString("4C554B53BABE0001").CopyTo(luks, 0);
        File.WriteAllBytes(_target, luks);
        string device = Tool.Shell($"losetup -f --show '{_target}'").Trim();
        try
        {
            Tool.TryRun("blockdev", "--setrw", device);
            _session.Set("device", device);
            Assert.Equal("TargetHoldsData", _session.Run("$image | Restore-VolumeImage -Destination $device -Confirm:$false").ErrorId);
            Assert.Empty(_session.Host.Console.Questions);
            ShellResult whatIf = _session.Run("$image | Restore-VolumeImage -Destination $device -Force -WhatIf").WithoutErrors();
            Assert.Contains("a LUKS volume", whatIf.Text, StringComparison.Ordinal);
            Assert.Empty(_session.Host.Console.Questions);

            _session.Host.Console.Answer = 1;
            Assert.Empty(_session.Run("$image | Restore-VolumeImage -Destination $device -Force").WithoutErrors().Output);
            Assert.Contains("a LUKS volume", Assert.Single(_session.Host.Console.Questions), StringComparison.Ordinal);
            Assert.Equal(luks, File.ReadAllBytes(_target));

            _session.Host.Console.Questions.Clear();
            _session.Host.Console.IsDeaf = true;
            ShellResult deaf = _session.Run("$image | Restore-VolumeImage -Destination $device -Force");
            Assert.Equal("ConfirmationNeeded", deaf.ErrorId);
            Assert.Contains("PowerShell is not interactive", deaf.Errors[0].ToString(), StringComparison.Ordinal);
            Assert.Equal(luks, File.ReadAllBytes(_target));
            _session.Host.Console.IsDeaf = false;
            _session.Run("$image | Restore-VolumeImage -Destination $device -Force -Confirm:$false").WithoutErrors();
            Assert.Empty(_session.Host.Console.Questions);
            // Now it holds nothing that is recognised, and the question says so.
            _session.Host.Console.Answer = 2;
            _session.Run("$image | Restore-VolumeImage -Destination $device").WithoutErrors();
            Assert.Contains("which is not recognised", Assert.Single(_session.Host.Console.Questions), StringComparison.Ordinal);
        }
        finally
        {
            Tool.TryRun("losetup", "-d", device);
        }
    }

    [Fact]
    public void Checks_come_before_the_question()
    {
        File.WriteAllText(_target, "precious");
        Assert.Equal("TargetExists", _session.Run("$image | Restore-VolumeImage -Destination $target").ErrorId);
        Assert.Empty(_session.Host.Console.Questions);
    }

    [Fact]
    public void Two_images_do_not_go_to_one_destination()
    {
        ShellResult result = _session.Run("$image, $image | Restore-VolumeImage -Destination $target -Force");
        Assert.Equal("ParameterInvalid", result.ErrorId);
        Assert.Single(result.Output);
        AssertRestored();
    }

    [Theory]
    [InlineData("Restore-VolumeImage ffffffffffff -Destination $target -Force", "ImageNotFound")]
    [InlineData("Restore-VolumeImage 'not an id' -Destination $target -Force", "ParameterInvalid")]
    [InlineData("Restore-VolumeImage -Volume ./never-backed-up.img -Destination $target -Force", "ImageNotFound")]
    [InlineData("Restore-VolumeImage -Volume $volume -PointInTime 2001-01-01 -Destination $target -Force", "ImageNotFound")]
    [InlineData("Restore-VolumeImage $image -Destination /nonexistent-directory/file -Force", "TargetInvalid")]
    public void What_cannot_be_restored_says_why(string script, string id)
    {
        ShellResult result = _session.Run(script);
        Assert.Equal(id, result.ErrorId);
        Assert.False(File.Exists(_target));
    }

    [Fact]
    public void An_image_of_another_computer_needs_a_destination()
    {
        ShellResult result = _session.Run("Backup-VolumeImage $volume -ComputerName elsewhere | Restore-VolumeImage -Force");
        Assert.Equal("ParameterInvalid", result.ErrorId);
        Assert.Contains("-Destination", result.Errors[0].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Skipping_what_is_unchanged_writes_what_differs_only()
    {
        _session.Run("$image | Restore-VolumeImage -Destination $target -Force").WithoutErrors();
        RestoreResult result = _session.Run("$image | Restore-VolumeImage -Destination $target -Force -SkipUnchanged").WithoutErrors().Single<RestoreResult>();
        AssertRestored();
        Assert.True(result.SizeBytes == new FileInfo(_target).Length);
    }

    [Fact]
    public void Images_say_which_repository_they_are_from()
    {
        using ShellSession other = _fixture.NewSession();
        ShellResult result = other.Run(
            "Get-ImageBackup -Volume $volume -Repository $repository -Password $password | Test-ImageBackup -Password $password");
        Assert.True(result.WithoutErrors().Output.Count > 0);
    }

    [Fact]
    public void The_password_is_in_no_stream()
    {
        ShellResult result = _session.Run(
            "$VerbosePreference = 'Continue'; $DebugPreference = 'Continue'; "
            + "Get-ImageBackup -Repository $repository -Password $password; $image | Restore-VolumeImage -Destination $target -Force; "
            + "Connect-ImageRepository $repository -Password $wrong",
            ("wrong", RepositoryFixture.Secret("Nicht-Das-8")));
        string everything = string.Join('\n', result.Verbose.Concat(result.Warnings).Concat(result.Errors.Select(e => e + e.Exception.ToString())).Append(result.Text));
        Assert.NotEmpty(result.Verbose);
        Assert.DoesNotContain(RepositoryFixture.PasswordText, everything, StringComparison.Ordinal);
        Assert.DoesNotContain("Nicht-Das-8", everything, StringComparison.Ordinal);
    }
}
