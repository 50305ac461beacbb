using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Management.Automation;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>Copying images to another repository, as a user does it.</summary>
[Collection(CommandTests.Name)]
public sealed class CopyCommandTests : IDisposable
{
    private const string OtherPassword = "Ander-8!";

    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly string _from, _to;

    public CopyCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = fixture.NewSession();
        _from = fixture.PathOf($"from-{Guid.NewGuid():N}");
        _to = fixture.PathOf($"to-{Guid.NewGuid():N}");
        _session.Set("from", _from);
        _session.Set("to", _to);
        _session.Set("other", RepositoryFixture.Secret(OtherPassword));
        _session.Set("volume", fixture.VolumeFile);
        _session.Run("""
            $null = Initialize-ImageRepository $from -Password $password; $null = Initialize-ImageRepository $to -Password $other
            $null = Connect-ImageRepository $from -Password $password
            $one = Backup-VolumeImage $volume -Tag kept 3>$null; $two = Backup-VolumeImage $volume 3>$null
            """).WithoutErrors();
    }

    public void Dispose()
    {
        foreach (string name in new[] { "RESTIC_FROM_REPOSITORY", "RESTIC_FROM_PASSWORD", "RESTIC_REPOSITORY", "RESTIC_PASSWORD" })
            Environment.SetEnvironmentVariable(name, null);
        _session.Run("Disconnect-ImageRepository");
        _session.Dispose();
    }

    private int CopyCount => Directory.GetFiles(Path.Combine(_to, "snapshots")).Length;

    private static ImageCopyResult[] Results(ShellResult result) => [.. result.WithoutErrors().Output.Select(o => (ImageCopyResult)o.BaseObject)];

    [Fact]
    public void WhatIf_says_chunks_and_bytes_and_writes_nothing_then_all_are_copied_once()
    {
        string asked = string.Join("\n", _session.Run("Copy-ImageBackup -Destination $to -DestinationPassword $other -WhatIf").WithoutErrors().Text);
        Assert.Matches(@"\d+ of \d+ chunks, [\d.,]+ MiB", asked);
        Assert.Equal(0, CopyCount);
        ImageCopyResult[] first = Results(_session.Run("Copy-ImageBackup -Destination $to -DestinationPassword $other"));
        Assert.Equal([true, true], first.Select(copy => copy.IsNew));
        Assert.True(first[0].StoredBytes > 1 << 20 && first[1].StoredBytes < 1 << 20, "what both have was sent twice");
        Assert.All(Results(_session.Run("Copy-ImageBackup -Destination $to -DestinationPassword $other")), copy => Assert.False(copy.IsNew));
        Assert.Equal(2, CopyCount);
        Assert.True(_session.Run("(Test-ImageRepository -Repository $to -Password $other -ReadData).IsHealthy").WithoutErrors().Single<bool>());
        Assert.Empty(Directory.GetFiles(Path.Combine(_to, "locks")));
    }

    [Fact]
    public void The_pipeline_and_the_filters_choose()
    {
        Assert.Equal(_session.Run("$two.Id").Single<string>(), Assert.Single(Results(_session.Run("$two | Copy-ImageBackup -Destination $to -DestinationPassword $other"))).ImageId);
        Assert.Equal(_session.Run("$one.Id").Single<string>(), Assert.Single(Results(_session.Run("Copy-ImageBackup -Destination $to -DestinationPassword $other -Tag kept"))).ImageId);
        Assert.Single(Results(_session.Run("Copy-ImageBackup -Destination $to -DestinationPassword $other -ActiveOnly")));
        Assert.Equal("ImageNotFound", _session.Run("Copy-ImageBackup -Destination $to -DestinationPassword $other -ComputerName nobody").ErrorId);
        Assert.Equal("ImageNotFound", _session.Run("Copy-ImageBackup 0123456789 -Destination $to -DestinationPassword $other").ErrorId);
    }

    /// <summary>As restic's copy: what comes from where is in the environment.</summary>
    [Fact]
    public void Restics_variables_name_both_repositories()
    {
        _session.Run("Disconnect-ImageRepository").WithoutErrors();
        Environment.SetEnvironmentVariable("RESTIC_FROM_REPOSITORY", _from);
        Environment.SetEnvironmentVariable("RESTIC_FROM_PASSWORD", RepositoryFixture.PasswordText);
        Environment.SetEnvironmentVariable("RESTIC_REPOSITORY", _to);
        Environment.SetEnvironmentVariable("RESTIC_PASSWORD", OtherPassword);
        ImageCopyResult[] copied = Results(_session.Run("Copy-ImageBackup"));
        Assert.Equal([(_from, _to), (_from, _to)], copied.Select(copy => (copy.Source, copy.Destination)));
        Environment.SetEnvironmentVariable("RESTIC_FROM_PASSWORD", "wrong");
        Assert.Equal("WrongPassword", _session.Run("Copy-ImageBackup").ErrorId);
    }

    [Fact]
    public void What_cannot_be_copied_to_is_an_error_by_name()
    {
        Assert.Equal("ParameterInvalid", _session.Run("Copy-ImageBackup").ErrorId);
        Assert.Equal("ParameterInvalid", _session.Run("Copy-ImageBackup -Destination $from").ErrorId);
        Assert.Equal("WrongPassword", _session.Run("Copy-ImageBackup -Destination $to -DestinationPassword $password").ErrorId);
        Assert.Equal("RepositoryNotFound", _session.Run("Copy-ImageBackup -Destination /nowhere/at/all -DestinationPassword $other").ErrorId);
        Assert.Equal(0, CopyCount);
    }

    [Fact]
    public void In_a_job_with_a_named_connection()
    {
        _session.Run("$null = Connect-ImageRepository $to -Password $other -Name away").WithoutErrors();
        _session.Run("$null = Connect-ImageRepository $from -Password $password").WithoutErrors();
        ImageCopyResult[] copied = Results(_session.Run("Copy-ImageBackup -Destination away -AsJob | Receive-Job -Wait -AutoRemoveJob"));
        Assert.Equal([true, true], copied.Select(copy => copy.IsNew));
        Assert.Equal(2, _session.Run("@(Get-ImageBackup -Repository away -IncludeInactive).Count").WithoutErrors().Single<int>());
    }
}
