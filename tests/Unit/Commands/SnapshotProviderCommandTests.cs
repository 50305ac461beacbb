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

    [Fact]
    public void Every_provider_is_listed_with_whether_it_can_be_used()
    {
        ShellResult result = _session.Run("Get-SnapshotProvider -Path $defaults").WithoutErrors();
        SnapshotProviderInfo[] providers = [.. result.Output.Select(o => (SnapshotProviderInfo)o.BaseObject)];
        Assert.Superset(new[] { "LINUX_LVM", "COMMAND" }.ToHashSet(), providers.Select(p => p.Name).ToHashSet());
        SnapshotProviderInfo command = providers.Single(p => p.Name == "COMMAND");
        Assert.False(command.IsUsable);
        Assert.Contains("Set-SnapshotProvider", command.WhyNot, StringComparison.Ordinal);
        Assert.All(providers, p => Assert.Equal(p.IsUsable, p.WhyNot is null));
        Assert.Equal((100, TimeSpan.FromSeconds(1), 4), (command.CacheSizePercent, command.IdleWait, command.IdleRetries));
        Assert.Equal("SnapshotProviderNotFound", _session.Run("Get-SnapshotProvider nothing -Path $defaults").ErrorId);
        Assert.Equal("COMMAND", _session.Run("Get-SnapshotProvider command -Path $defaults").Single<SnapshotProviderInfo>().Name);
    }

    [Fact]
    public void Defaults_are_set_one_by_one_and_taken_out_by_null()
    {
        Assert.Empty(_session.Run("Set-SnapshotProvider COMMAND -CacheSize 15 -IdleWait 250ms -IdleRetries 7 -SnapshotTimeoutSeconds 60 -CreateCommand 'a' -RemoveCommand 'b' -Path $defaults").WithoutErrors().Output);
        SnapshotProviderInfo command = _session.Run("Get-SnapshotProvider COMMAND -Path $defaults").Single<SnapshotProviderInfo>();
        Assert.Equal((true, true, 15, TimeSpan.FromMilliseconds(250), 7, TimeSpan.FromSeconds(60)),
            (command.IsUsable, command.IsDefault, command.CacheSizePercent, command.IdleWait, command.IdleRetries, command.SnapshotTimeout));
        _session.Run("Set-SnapshotProvider -IdleRetries $null -Name $null -CacheSize 20 -Path $defaults").WithoutErrors();
        SnapshotDefaults now = SnapshotDefaults.Load(_defaults);
        Assert.Equal((null, null, 20, "a"), (now.Provider, now.IdleRetries, now.CacheSizePercent, now.CreateCommand));
        Assert.Contains(_session.Run("Set-SnapshotProvider -IdleRetries 1 -PassThru -Path $defaults").WithoutErrors().Output,
            o => o.BaseObject is SnapshotProviderInfo { Name: "LINUX_LVM", IdleRetries: 1 });
    }

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
    public void WhatIf_writes_nothing_and_an_unknown_provider_is_refused()
    {
        _session.Run("Set-SnapshotProvider LINUX_LVM -WhatIf -Path $defaults").WithoutErrors();
        Assert.False(File.Exists(_defaults));
        Assert.Equal("SnapshotProviderNotFound", _session.Run("Set-SnapshotProvider nothing -Path $defaults").ErrorId);
        _session.Run("Set-SnapshotProvider NONE -Path $defaults").WithoutErrors();
        Assert.Equal("NONE", SnapshotDefaults.Load(_defaults).Provider);
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
        Assert.Contains(result.Warnings, w => w.Contains("No snapshot of", StringComparison.Ordinal));
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
