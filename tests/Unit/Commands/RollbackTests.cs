using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Somebody who can write to the repository's directory and has no password takes the newest records away.</summary>
[Collection(CommandTests.Name)]
public sealed class RollbackTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly string _repository;
    private readonly string _volume;

    public RollbackTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        string name = Guid.NewGuid().ToString("N");
        _repository = fixture.PathOf(name);
        _volume = fixture.NewVolume(name + ".img", seed: 3);
        _session = fixture.NewSession();
        _session.Set("r", _repository);
        _session.Set("v", _volume);
        Run("Disconnect-ImageRepository (Initialize-ImageRepository $r -Password $password); $null = Connect-ImageRepository $r -Password $password").WithoutErrors();
    }

    public void Dispose() => _session.Dispose();

    private ShellResult Run(string script) => _session.Run(script);

    private string[] Snapshots() => Directory.GetFiles(Path.Combine(_repository, "snapshots"));

    /// <summary>The volume's content has warnings of its own.</summary>
    private static IEnumerable<string> OfRollback(ShellResult result) => result.Warnings.Where(warning => warning.Contains("older state of the repository", StringComparison.Ordinal));

    [Fact]
    public void An_exclusion_that_was_taken_away_without_a_password_goes_on_counting()
    {
        Run("Set-ExcludeImage $v -Enforced").WithoutErrors();
        Assert.Equal(["VolumeExcluded"], Run("Backup-VolumeImage $v").Ids);
        File.Delete(Assert.Single(Snapshots()));
        for (int run = 0; run < 2; run++)
        {
            ShellResult refused = Run("Backup-VolumeImage $v");
            Assert.Equal(["VolumeExcluded"], refused.Ids);
            Assert.Contains("-AcceptPolicy", Assert.Single(OfRollback(refused)), StringComparison.Ordinal);
        }
        Assert.Contains("revision 1", Assert.Single(OfRollback(Run("Test-ImageRepository").WithoutErrors())), StringComparison.Ordinal);
        ShellResult tested = Run("Test-IncludeImage $v").WithoutErrors();
        Assert.Contains("revision 1", Assert.Single(OfRollback(tested)), StringComparison.Ordinal);
        Assert.False(tested.Single<RuleTest>().IsIncluded);

        Run("$null = Connect-ImageRepository $r -Password $password -AcceptPolicy").WithoutErrors();
        ShellResult taken = Run("Backup-VolumeImage $v").WithoutErrors();
        Assert.Empty(OfRollback(taken));
        Assert.Single(taken.Output);
    }

    [Fact]
    public void An_image_that_vanished_is_told_once()
    {
        Run("Backup-VolumeImage $v").WithoutErrors();
        File.Delete(Assert.Single(Snapshots()));
        Assert.Contains(_volume, Assert.Single(OfRollback(Run("Test-ImageRepository").WithoutErrors())), StringComparison.Ordinal);
        Assert.Contains(_volume, Assert.Single(OfRollback(Run("Backup-VolumeImage $v").WithoutErrors())), StringComparison.Ordinal);
        Assert.Empty(OfRollback(Run("Backup-VolumeImage $v").WithoutErrors()));
        Assert.Empty(OfRollback(Run("Get-ImageBackup | Remove-ImageBackup -Confirm:$false; Backup-VolumeImage $v; Test-ImageRepository").WithoutErrors()));
    }
}
