using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Backup-VolumeImage -SnapshotSet, with a provider that takes sets of the volumes of a test.</summary>
[Collection(CommandTests.Name)]
public sealed class SnapshotSetCommandTests : IDisposable
{
    private const string Both = "$first, $second | Backup-VolumeImage -SnapshotSet -SnapshotProvider SETS -ImageType Snapshot";

    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly SnapshotProviderDouble _provider;
    private readonly string _first;
    private readonly string _second;

    public SnapshotSetCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _first = fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 11);
        _second = fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 12);
        _provider = new SnapshotProviderDouble(VolumeSystem.Current, "SETS", 90)
        {
            TakesSets = true,
            Takes = volume => volume.Name == _first || volume.Name == _second,
        };
        SnapshotProviders.Register(_provider);
        _session = fixture.NewSession();
        _session.Set("first", _first);
        _session.Set("second", _second);
        _session.Run("$null = Connect-ImageRepository $repository -Password $password").WithoutErrors();
    }

    public void Dispose()
    {
        // It stays registered; nobody else's volumes are its own.
        _provider.MachineWhyNot = "the test is over";
        _session.Dispose();
    }

    private string[] Locks => Directory.GetFiles(Path.Combine(_fixture.Location, "locks"));

    [Theory]
    [InlineData(Both)]
    [InlineData("Backup-VolumeImage $first, $second -SnapshotSet -SnapshotProvider SETS -ImageType Snapshot")]
    [InlineData("Get-ImageVolume $first, $second | Backup-VolumeImage -SnapshotSet")]
    [InlineData(Both + " -AsJob | Receive-Job -Wait -AutoRemoveJob")]
    public void All_volumes_are_of_one_snapshot(string script)
    {
        _provider.OnCreate = _ => Assert.Empty(Locks);
        ImageBackupInfo[] images = [.. _session.Run(script).WithoutErrors().Output.Select(o => Assert.IsType<ImageBackupInfo>(o.BaseObject))];
        Assert.Equal([_first, _second], images.Select(image => image.Volume));
        Assert.All(images, image => Assert.Equal((ImageType.Snapshot, "SETS"), (image.ImageType, image.SnapshotProvider)));
        Assert.Equal([_first, _second], Assert.Single(_provider.Sets));
        Assert.Equal(["create", "open", "open", "complete True", "dispose"], _provider.Calls);
    }

    [Fact]
    public void Without_it_each_volume_has_a_snapshot_of_its_own()
    {
        _session.Run("$first, $second | Backup-VolumeImage").WithoutErrors();
        Assert.Equal([[_first], [_second]], _provider.Sets);
    }

    [Fact]
    public void WhatIf_takes_none()
    {
        string[] before = _fixture.RepositoryFiles();
        Assert.Empty(_session.Run(Both + " -WhatIf").WithoutErrors().Output);
        Assert.Empty(_provider.Calls);
        Assert.Equal(before, _fixture.RepositoryFiles());
    }

    [Fact]
    public void A_volume_that_the_user_refuses_is_not_in_it()
    {
        _session.Host.Console.Answer = 2;
        Assert.Empty(_session.Run(Both + " -Confirm").WithoutErrors().Output);
        Assert.Empty(_provider.Calls);
    }

    [Fact]
    public void A_volume_that_fails_does_not_stop_the_other()
    {
        FailTheFirst();
        ShellResult result = _session.Run("'/no/such/volume', " + Both);
        Assert.Equal(["VolumeNotFound", "ReadFailed", "SomeVolumesFailed"], result.Ids);
        Assert.Equal(_second, result.Single<ImageBackupInfo>().Volume);
        Assert.Equal(["create", "open", "open", "dispose"], _provider.Calls);
        Assert.Empty(Locks);
    }

    [Fact]
    public void ErrorAction_Stop_ends_it_and_the_set_is_removed()
    {
        FailTheFirst();
        ShellResult result = _session.Run(Both + " -ErrorAction Stop");
        Assert.Equal("ReadFailed", result.ErrorId);
        Assert.Empty(result.Output);
        Assert.Equal(["create", "open", "dispose"], _provider.Calls);
        Assert.Empty(Locks);
    }

    [Fact]
    public void A_pipeline_that_wants_no_more_ends_it_and_the_set_is_removed()
    {
        // As Select-Object -First does it, which this shell has not.
        ShellResult result = _session.Run($"do {{ {Both} | ForEach-Object {{ $_; break }} }} while ($false)").WithoutErrors();
        Assert.Equal(_first, result.Single<ImageBackupInfo>().Volume);
        Assert.Equal(["create", "open", "dispose"], _provider.Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Stopped_it_lets_go_of_everything(bool isWhileTaking)
    {
        using var reached = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        void Hold()
        {
            reached.Set();
            go.Wait(TimeSpan.FromSeconds(60));
        }
        if (isWhileTaking)
            _provider.OnFrozen = (_, _) => Hold();
        else
            _provider.OnFrozen = (volume, frozen) => frozen.OnRead = (_, _) => Hold();
        using PowerShell shell = _session.Prepare(Both);
        IAsyncResult running = shell.BeginInvoke();
        Assert.True(reached.Wait(TimeSpan.FromSeconds(60)), "It did not begin.");
        IAsyncResult stopping = shell.BeginStop(null, null);
        go.Set();
        shell.EndStop(stopping);
        Assert.Equal(PSInvocationState.Stopped, shell.InvocationStateInfo.State);
        Assert.Throws<PipelineStoppedException>(() => shell.EndInvoke(running));
        Assert.Equal(isWhileTaking ? ["create", "dispose"] : ["create", "open", "dispose"], _provider.Calls);
        Assert.Empty(Locks);
    }

    [Fact]
    public void Where_it_cannot_be_had_each_volume_falls_over()
    {
        _provider.OnCreate = _ => throw new ImageBackupException(ErrorId.SnapshotFailed, "the writers hang");
        ShellResult result = _session.Run(Both).WithoutErrors();
        Assert.All(result.Output, o => Assert.Equal(((ImageType?)ImageType.Static, true), Shape((ImageBackupInfo)o.BaseObject)));
        Assert.Equal(2, result.Output.Count);
        Assert.Equal(2, result.Warnings.Count(w => w.Contains("Cannot take a snapshot of", StringComparison.Ordinal)));
        ShellResult strict = _session.Run(Both + " -NoFailover");
        Assert.Equal(["SnapshotFailed", "SnapshotFailed", "SomeVolumesFailed"], strict.Ids);
        Assert.Empty(strict.Output);

        static (ImageType?, bool) Shape(ImageBackupInfo image) => (image.ImageType, image.IsFailedOver);
    }

    [Fact]
    public void A_provider_that_takes_no_sets_is_told_of()
    {
        _provider.TakesSets = false;
        ShellResult result = _session.Run(Both + " -Verbose").WithoutErrors();
        Assert.Equal([[_first], [_second]], _provider.Sets);
        Assert.Equal(2, result.Verbose.Count(line => line.EndsWith("SETS takes one volume at a time; its snapshot is taken alone.", StringComparison.Ordinal)));
    }

    private void FailTheFirst() => _provider.OnFrozen = (volume, frozen) =>
    {
        if (volume.Name == _first)
            frozen.OnRead = (offset, _) => throw new BlockReadException(offset, 1, "a bad sector");
    };
}
