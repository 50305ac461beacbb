using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Session;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Creating, connecting, checking and unlocking repositories through the engine.</summary>
[Collection(CommandTests.Name)]
public sealed class RepositoryCommandTests(RepositoryFixture fixture) : IDisposable
{
    private readonly ShellSession _session = fixture.NewSession();

    public void Dispose() => _session.Dispose();

    [Fact]
    public void A_new_repository_is_given_open_and_does_not_become_the_default()
    {
        string name = $"new-{Guid.NewGuid():N}";
        ShellResult result = _session.Run($"Initialize-ImageRepository ./{name} -Password $password").WithoutErrors();
        RepositoryConnection connection = result.Single<RepositoryConnection>();
        Assert.Equal(fixture.PathOf(name), connection.Location);
        Assert.True(connection.IsConnected);
        Assert.Equal(2, connection.FormatVersion);
        Assert.Equal(64, connection.Id.Length);
        Assert.Equal("RepositoryNotConnected", _session.Run("Get-ImageBackup").ErrorId);
        connection.Dispose();
    }

    [Fact]
    public void Options_of_the_storage_hold_for_the_connection_that_is_opened_with_them()
    {
        string name = $"options-{Guid.NewGuid():N}";
        _session.Run($"Initialize-ImageRepository ./{name} -Password $password -Connections 3 | Connect-ImageRepository").WithoutErrors();
        _session.Run($"Connect-ImageRepository ./{name} -Password $password -StorageOption @{{ 'local.connections' = 2; 's3.region' = 'x' }}").WithoutErrors();
        foreach (string wrong in new[]
        {
            "-StorageOption @{ 'local.conections' = 2 }", "-StorageOption @{ 'local.connections' = 0 }", "-StorageOption @{ 'local.connections' = '' }",
            "-Connections 2 -StorageOption @{ 'local.connections' = 2 }",
            "-LimitUpload 1KB", "-LimitUpload 1MB, 2MB", "-LimitDownload 25:00-26:00=1MB", "-LimitDownload '08:00-08:00=1MB'", "-LimitUpload fast",
        })
        {
            Assert.Equal("ParameterInvalid", _session.Run($"Connect-ImageRepository ./{name} -Password $password {wrong}").ErrorId);
        }
        ShellResult late = _session.Run($"$open = Connect-ImageRepository ./{name} -Password $password; Connect-ImageRepository $open -Connections 2");
        Assert.Equal("ParameterInvalid", late.ErrorId);
    }

    [Fact]
    public void Packs_are_as_large_as_the_connection_says()
    {
        string name = $"packs-{Guid.NewGuid():N}", volume = fixture.PathOf($"{name}.img");
        File.WriteAllBytes(volume, SeededBytes.Make(4, 20 << 20));
        _session.Set("v", volume);
        _session.Run($"Initialize-ImageRepository ./{name} -Password $password -PackSize 4MB -LimitUpload 1TB -LimitDownload '00:00-24:00=1TB' | Connect-ImageRepository; $null = Backup-VolumeImage $v -ThrottleLimit 1").WithoutErrors();
        long[] lengths = [.. Directory.GetFiles(fixture.PathOf($"{name}/data"), "*", SearchOption.AllDirectories).Select(f => new FileInfo(f).Length).OrderDescending()];
        Assert.Equal(5, lengths.Count(length => length is >= 4 << 20 and < 6 << 20));
        Assert.True(lengths[0] < 6 << 20);
        _session.Run("$v2 = $v + '2'; [IO.File]::Copy($v, $v2)").WithoutErrors();
        File.WriteAllBytes(volume + "2", SeededBytes.Make(5, 20 << 20));
        _session.Run($"$null = Connect-ImageRepository ./{name} -Password $password -Name default-size; $null = Backup-VolumeImage $v2 -ThrottleLimit 1 -Repository default-size").WithoutErrors();
        Assert.Single(Directory.GetFiles(fixture.PathOf($"{name}/data"), "*", SearchOption.AllDirectories), f => new FileInfo(f).Length >= 16 << 20);
        Assert.Contains("ParameterArgumentValidationError", Assert.Single(_session.Run($"Connect-ImageRepository ./{name} -Password $password -PackSize 1MB").Errors).FullyQualifiedErrorId, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("0", null)]
    [InlineData("4", 4 << 20)]
    [InlineData("128", 128 << 20)]
    public void Restics_variable_gives_the_size_of_packs(string? text, int? expected) => Assert.Equal(expected, PackSizeVariable.Parse(text));

    [Theory]
    [InlineData("3")]
    [InlineData("129")]
    [InlineData("16M")]
    [InlineData("-16")]
    public void A_size_that_restic_does_not_take_is_an_error(string text) =>
        Assert.Equal(ErrorId.ParameterInvalid, Assert.Throws<ImageBackupException>(() => PackSizeVariable.Parse(text)).Id);

    [Fact]
    public void WhatIf_creates_nothing_but_checks()
    {
        ShellResult free = _session.Run("Initialize-ImageRepository ./whatif -Password $password -WhatIf").WithoutErrors();
        Assert.Empty(free.Output);
        Assert.Contains("What if", free.Text, StringComparison.Ordinal);
        Assert.False(Directory.Exists(fixture.PathOf("whatif")));
        Assert.Equal("RepositoryExists", _session.Run("Initialize-ImageRepository $repository -Password $password -WhatIf").ErrorId);
    }

    [Fact]
    public void The_connected_repository_is_the_default_until_it_is_disconnected()
    {
        RepositoryConnection connection = _session.Run("Connect-ImageRepository $repository -Password $password").WithoutErrors().Single<RepositoryConnection>();
        _session.Run("Get-ImageBackup").WithoutErrors();
        _session.Run("Get-ImageBackup -Repository $repository").WithoutErrors();
        Assert.Empty(_session.Run("Disconnect-ImageRepository").WithoutErrors().Output);
        Assert.False(connection.IsConnected);
        Assert.Equal("RepositoryNotConnected", _session.Run("Get-ImageBackup").ErrorId);
        Assert.Equal("RepositoryNotConnected", _session.Run("Disconnect-ImageRepository").ErrorId);
        Assert.Equal("RepositoryNotConnected", _session.Run("Get-ImageBackup -Repository $c", ("c", connection)).ErrorId);
    }

    [Fact]
    public void Each_session_has_its_own_default()
    {
        _session.Run("Connect-ImageRepository $repository -Password $password").WithoutErrors();
        using ShellSession other = fixture.NewSession();
        Assert.Equal("RepositoryNotConnected", other.Run("Get-ImageBackup").ErrorId);
    }

    [Fact]
    public void An_open_repository_serves_as_argument_and_comes_by_the_pipeline()
    {
        _session.Run("$c = Connect-ImageRepository $repository -Password $password; Get-ImageBackup -Repository $c; $c | Connect-ImageRepository | Disconnect-ImageRepository")
            .WithoutErrors();
    }

    [Fact]
    public void Damage_gives_the_result_and_an_error_with_its_id()
    {
        string copy = fixture.PathOf($"damaged-{Guid.NewGuid():N}");
        _session.Run("Backup-VolumeImage $volume -Repository (Initialize-ImageRepository $copy -Password $password)", ("copy", copy)).WithoutErrors();
        string pack = Directory.EnumerateFiles(Path.Combine(copy, "data"), "*", SearchOption.AllDirectories).OrderByDescending(f => new FileInfo(f).Length).First();
        File.SetAttributes(pack, FileAttributes.Normal);
        using (FileStream stream = File.OpenWrite(pack))
        {
            stream.Position = 1000;
            stream.WriteByte(0x55);
            stream.WriteByte(0xAA);
        }
        ShellResult result = _session.Run("Test-ImageRepository $copy -Password $password -ReadData");
        RepositoryCheckResult check = result.Single<RepositoryCheckResult>();
        Assert.False(check.IsHealthy);
        Assert.True(check.DataRead);
        Assert.Equal(check.Problems[0].ErrorId.ToString(), result.ErrorId);
        Assert.Equal(ErrorCategory.InvalidData, result.Errors[0].CategoryInfo.Category);

        ShellResult image = _session.Run("Get-ImageBackup -Repository $copy -Password $password | Test-ImageBackup -Repository $copy -Password $password");
        Assert.Equal("ChunkCorrupt", image.ErrorId);
        Assert.False(Assert.IsType<ImageBackup.VerifyResult>(Assert.Single(image.Output).BaseObject).IsWhole);
    }

    [Theory]
    [InlineData("Get-ImageRepositoryKey -Repository $c", "RepositoryNotFound")]
    [InlineData("Get-ImageBackup -Repository $c", "RepositoryReadFailed")]
    public void A_repository_that_went_away_is_not_an_empty_one(string script, string id)
    {
        string gone = fixture.PathOf($"gone-{Guid.NewGuid():N}");
        _session.Run("$c = Initialize-ImageRepository $gone -Password $password", ("gone", gone)).WithoutErrors();
        Assert.Empty(_session.Run("Get-ImageBackup -Repository $c").WithoutErrors().Output);
        Directory.Move(gone, gone + ".away");
        ShellResult result = _session.Run(script);
        Assert.Equal(id, result.ErrorId);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void Unlocking_asks_before_it_takes_all_and_not_with_Force()
    {
        _session.Run("Unlock-ImageRepository $repository -Password $password").WithoutErrors();
        Assert.Empty(_session.Host.Console.Questions);
        _session.Run("Unlock-ImageRepository $repository -Password $password -All").WithoutErrors();
        Assert.Single(_session.Host.Console.Questions);
        _session.Run("Unlock-ImageRepository $repository -Password $password -All -Force").WithoutErrors();
        _session.Run("Unlock-ImageRepository $repository -Password $password -All -Confirm:$false").WithoutErrors();
        _session.Run("Unlock-ImageRepository $repository -Password $password -All -WhatIf").WithoutErrors();
        Assert.Single(_session.Host.Console.Questions);
    }
}
