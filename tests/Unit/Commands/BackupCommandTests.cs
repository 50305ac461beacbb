using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Backup-VolumeImage and Get-ImageBackup on files that hold volumes.</summary>
[Collection(CommandTests.Name)]
public sealed class BackupCommandTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;

    public BackupCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = fixture.NewSession();
        _session.Run("$null = Connect-ImageRepository $repository -Password $password").WithoutErrors();
    }

    public void Dispose() => _session.Dispose();

    private string NewVolume() => _fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 7);

    [Fact]
    public void A_volume_becomes_an_image_with_what_was_asked_for()
    {
        ImageBackupInfo image = _session.Run("Backup-VolumeImage -Volume $volume -ChunkSize 64KiB -Tag blue, nightly -ComputerName other -ImageType Static")
            .WithoutErrors().Single<ImageBackupInfo>();
        Assert.Equal(_fixture.VolumeFile, image.Volume);
        Assert.Equal(new FileInfo(_fixture.VolumeFile).Length, image.SizeBytes);
        Assert.Equal(65536, image.ChunkSizeBytes);
        Assert.Equal("other", image.ComputerName);
        Assert.Equal(ImageType.Static, image.ImageType);
        Assert.Superset(new[] { "blue", "nightly" }.ToHashSet(), image.Tags.ToHashSet());
    }

    [Fact]
    public void A_relative_path_is_relative_to_the_location()
    {
        string volume = NewVolume();
        _session.SetLocation(_fixture.Directory);
        Assert.Equal(volume, _session.Run("Backup-VolumeImage $v", ("v", Path.GetFileName(volume))).WithoutErrors().Single<ImageBackupInfo>().Volume);
    }

    [Fact]
    public void A_drive_that_does_not_exist_is_no_volume() =>
        Assert.Equal(["VolumeNotFound", "VolumeNotFound", "SomeVolumesFailed"], _session.Run("Backup-VolumeImage 'nodrive:/x', 'UUID=none'").Ids);

    [Fact]
    public void WhatIf_checks_and_writes_nothing()
    {
        string[] before = _fixture.RepositoryFiles();
        ShellResult result = _session.Run("$volume, './absent.img' | Backup-VolumeImage -WhatIf");
        Assert.Empty(result.Output);
        Assert.Equal("VolumeNotFound", result.ErrorId);
        Assert.Contains("What if", result.Text, StringComparison.Ordinal);
        Assert.Equal(before, _fixture.RepositoryFiles());
    }

    [Theory]
    [InlineData("-ImageType Static", "no program that locks files can write to it while it is copied")]
    [InlineData("-ImageType Dynamic", "the image may be fuzzy")]
    [InlineData("-ImageType Static -AsJob", "no program that locks files can write to it while it is copied")]
    public void WhatIf_says_what_happens_to_the_volume_and_to_its_programs(string parameters, string said)
    {
        ShellResult result = _session.Run($"Backup-VolumeImage $volume {parameters} -WhatIf").WithoutErrors();
        Assert.Contains(said, result.Text.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Backup-VolumeImage", "NoVolume")]
    [InlineData("Backup-VolumeImage $volume -ImageType Snapshot -NoFailover", "SnapshotUnavailable")]
    [InlineData("Backup-VolumeImage $volume -SnapshotProvider Nothing", "SnapshotProviderNotFound")]
    [InlineData("Backup-VolumeImage $volume -SnapshotCacheSize 101", "ParameterArgumentValidationError")]
    [InlineData("Backup-VolumeImage $volume -IdleWait soon", "ParameterInvalid")]
    [InlineData("Backup-VolumeImage $volume -IdleRetries -1", "ParameterArgumentValidationError")]
    [InlineData("Backup-VolumeImage $volume -ChunkSize 100000", "ParameterInvalid")]
    [InlineData("Backup-VolumeImage $volume -ChunkSize 8MB", "ParameterInvalid")]
    [InlineData("Backup-VolumeImage $volume -ChunkSize 32KB", "ParameterInvalid")]
    [InlineData("Backup-VolumeImage $volume -Tag 'a,b'", "ParameterInvalid")]
    [InlineData("Backup-VolumeImage $volume -ChunkSize huge", "ParameterArgumentTransformationError")]
    [InlineData("Backup-VolumeImage $volume -ThrottleLimit 0", "ParameterArgumentValidationError")]
    [InlineData("Backup-VolumeImage $volume -ImageType Frozen", "CannotConvertArgumentNoMessage")]
    [InlineData("Backup-VolumeImage $volume -LimitRead 1", "ParameterArgumentValidationError")]
    [InlineData("Backup-VolumeImage $volume -LimitWrite fast", "ParameterArgumentTransformationError")]
    [InlineData("Backup-VolumeImage $volume -Priority Idle", "CannotConvertArgumentNoMessage")]
    public void What_cannot_be_done_says_so_before_anything_is_done(string script, string id)
    {
        string[] before = _fixture.RepositoryFiles();
        ShellResult result = _session.Run(script);
        Assert.Equal(id, result.ErrorId);
        Assert.Empty(result.Output);
        Assert.Equal(before, _fixture.RepositoryFiles());
    }

    [Fact]
    public void Images_are_found_by_volume_id_tag_time_and_computer()
    {
        string volume = NewVolume();
        string tag = $"t{Guid.NewGuid():N}";
        ImageBackupInfo[] images = [.. _session.Run(
            "Backup-VolumeImage $v -Tag $t, old; Backup-VolumeImage $v -Tag $t", ("v", volume), ("t", tag))
            .WithoutErrors().Output.Select(o => (ImageBackupInfo)o.BaseObject)];
        Assert.Equal(2, images.Length);

        string[] Ids(string script) =>
            [.. _session.Run(script, ("id", images[0].ShortId)).WithoutErrors().Output.Select(o => ((ImageBackupInfo)o.BaseObject).Id)];
        string[] newest = [images[1].Id];
        string[] oldest = [images[0].Id];
        string[] both = [images[0].Id, images[1].Id];
        Assert.Equal(newest, Ids("Get-ImageBackup -Volume $v"));
        Assert.Equal(newest, Ids("Get-ImageBackup -Volume ('./' + [System.IO.Path]::GetFileName($v))"));
        Assert.Equal(newest, Ids("Get-ImageVolume $v | Get-ImageBackup"));
        Assert.Equal(both, Ids("Get-ImageBackup -Volume $v -IncludeInactive"));
        Assert.Equal(both, Ids("Get-ImageBackup -Tag $t -IncludeInactive"));
        Assert.Equal(oldest, Ids("Get-ImageBackup -Id $id"));
        Assert.Equal(oldest, Ids("Get-ImageBackup -Volume $v -Tag old -IncludeInactive"));
        Assert.Equal("ImageNotFound", _session.Run("Get-ImageBackup -Volume $v -ComputerName nobody").ErrorId);
        Assert.Equal("ImageNotFound", _session.Run("Get-ImageBackup -Volume $v -PointInTime 2001-01-01").ErrorId);
        Assert.Equal("ImageNotFound", _session.Run("Get-ImageBackup -PointInTime 2001-01-01").ErrorId);
        Assert.Equal("ImageNotFound", _session.Run("Get-ImageBackup /nowhere/such.img").ErrorId);
        Assert.Empty(Ids("Get-ImageBackup /nowhere/such*"));
        Assert.Equal(newest, Ids("Get-ImageBackup -Volume ($v.Substring(0, $v.Length - 6) + '*')"));
    }

    [Fact]
    public void A_backup_ended_by_Ctrl_C_leaves_no_lock()
    {
        string big = _fixture.PathOf("big.img");
        using (FileStream stream = File.Create(big))
        {
            var random = new Random(3);
            var block = new byte[1 << 20];
            for (int i = 0; i < 600; i++)
            {
                random.NextBytes(block);
                stream.Write(block);
            }
        }
        try
        {
            _session.Set("big", big);
            using PowerShell shell = _session.Prepare("Backup-VolumeImage $big -ThrottleLimit 1");
            IAsyncResult running = shell.BeginInvoke();
            string locks = Path.Combine(_fixture.Location, "locks");
            Assert.True(
                System.Threading.SpinWait.SpinUntil(() => Directory.GetFiles(locks).Length > 0 || running.IsCompleted, TimeSpan.FromSeconds(20)));
            Assert.False(running.IsCompleted, "the backup was over before it could be stopped");
            shell.Stop();
            Assert.Empty(Directory.GetFiles(locks));
            Assert.Empty(shell.Streams.Error);
            Assert.Equal("ImageNotFound", _session.Run("Get-ImageBackup -Volume $big").ErrorId);
        }
        finally
        {
            File.Delete(big);
        }
    }

    [Fact]
    public void Volumes_of_this_machine_are_listed_or_looked_up()
    {
        ImageVolume volume = _session.Run("Get-ImageVolume $volume").WithoutErrors().Single<ImageVolume>();
        Assert.Equal(_fixture.VolumeFile, volume.Name);
        Assert.Equal(new FileInfo(_fixture.VolumeFile).Length, volume.SizeBytes);
        Assert.All(_session.Run("Get-ImageVolume").WithoutErrors().Output, o => Assert.IsType<ImageVolume>(o.BaseObject));
        Assert.Empty(_session.Run("Get-ImageVolume 'no-such-volume-*'").WithoutErrors().Output);
        Assert.Equal("VolumeNotFound", _session.Run("Get-ImageVolume UUID=does-not-exist").ErrorId);
    }
}
