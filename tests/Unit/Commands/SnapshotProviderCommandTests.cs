using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Policy.MachineDefaults;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Get-, Set- and Test-SnapshotProvider, and Backup-VolumeImage's parameters for quiet volumes.</summary>
[Collection(CommandTests.Name)]
public sealed class SnapshotProviderCommandTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly string _defaults;

    public SnapshotProviderCommandTests(RepositoryFixture fixture)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The providers here are Linux's.");
        _fixture = fixture;
        _session = fixture.NewSession();
        _defaults = Path.Combine(fixture.Directory, $"{Guid.NewGuid():N}.json");
        _session.Set("defaults", _defaults);
        _session.Run("$null = Connect-ImageRepository $repository -Password $password").WithoutErrors();
    }

    public void Dispose() => _session.Dispose();

    [Theory]
    [InlineData("-CacheSize 0")]
    [InlineData("-IdleWait 1000")]
    [InlineData("-IdleRetries -1")]
    [InlineData("-SnapshotTimeoutSeconds 0")]
    [InlineData("-WriterRetries 100")]
    public void A_bad_value_changes_nothing(string parameters)
    {
        Assert.Equal("ParameterInvalid", _session.Run($"Set-SnapshotProvider {parameters} -Path $defaults").ErrorId);
        Assert.False(File.Exists(_defaults));
    }

    [Fact]
    public void A_provider_is_tried_on_a_volume()
    {
        string volume = _fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 3), log = Path.Combine(_fixture.Directory, $"{Guid.NewGuid():N}.log");
        _session.Set("volume", volume);
        _session.Set("create", $"echo create >> '{log}'; cp \"$IMAGEBACKUP_DEVICE\" '{volume}.frozen'; echo '{volume}.frozen'");
        _session.Set("remove", $"echo remove >> '{log}'; rm -f '{volume}.frozen'");
        _session.Run("Set-SnapshotProvider COMMAND -CreateCommand $create -RemoveCommand $remove -Path $defaults").WithoutErrors();
        Assert.Empty(_session.Run("Test-SnapshotProvider $volume -Path $defaults -WhatIf").WithoutErrors().Output);
        Assert.False(File.Exists(log));
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Records of what must be removed are root's.");
        SnapshotProviderTestResult result = _session.Run("Test-SnapshotProvider $volume -Path $defaults").WithoutErrors().Single<SnapshotProviderTestResult>();
        Assert.True(result.IsGood, result.Fault);
        Assert.Equal(("COMMAND", volume), (result.Provider, result.Volume));
        Assert.Equal(["create", "remove"], File.ReadAllLines(log));
        Assert.False(File.Exists(volume + ".frozen"));
        SnapshotProviderTestResult none = _session.Run("Test-SnapshotProvider $volume -Name LINUX_LVM -Path $defaults").WithoutErrors().Single<SnapshotProviderTestResult>();
        Assert.False(none.IsGood);
        Assert.Contains("LINUX_LVM", none.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_snapshot_that_cannot_be_had_falls_over_with_a_warning()
    {
        _session.Set("volume", _fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 4));
        ShellResult result = _session.Run("Backup-VolumeImage $volume -ImageType Snapshot -SnapshotProvider LINUX_LVM -Confirm:$false");
        ImageBackupInfo image = result.WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal((ImageType.Static, ImageType.Snapshot, true), (image.ImageType, image.RequestedImageType, image.IsFailedOver));
        Assert.Contains(result.Warnings, w => w.Contains("Cannot take a snapshot of", StringComparison.Ordinal));
        Assert.Contains("failover", _session.Run("$args = Get-ImageBackup -Id $id; $args | Out-Default", ("id", image.Id)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Snapshots_that_are_turned_off_are_no_snapshots()
    {
        _session.Set("volume", _fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 5));
        ImageBackupInfo image = _session.Run("Backup-VolumeImage $volume -SnapshotProvider none -IdleWait 0 -IdleRetries 2 -PreSnapshotCommand 'exit 1'")
            .WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal((ImageType.Static, false), (image.ImageType, image.IsFailedOver));
        Assert.Contains(image.Options, o => o is { Name: "IdleRetries", Value: "2", Source: OptionSource.CommandLine });
    }
}
