using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Repository;
using ImageBackup.Session;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>-SkipCorrupt, -Sample, -ReadErrorLimit and Repair-ImageRepository, on a repository of their own to damage.</summary>
[Collection(CommandTests.Name)]
public sealed class FaultCommandTests : IDisposable
{
    private readonly RepositoryFixture _fixture;
    private readonly ShellSession _session;
    private readonly string _location;

    public FaultCommandTests(RepositoryFixture fixture)
    {
        _fixture = fixture;
        _session = fixture.NewSession();
        _location = fixture.PathOf($"damaged-{Guid.NewGuid():N}");
        _session.Set("repository", _location);
        _session.Set("target", fixture.PathOf($"target-{Guid.NewGuid():N}.img"));
        _session.Run("$null = Initialize-ImageRepository $repository -Password $password; $null = Connect-ImageRepository $repository -Password $password; $image = Backup-VolumeImage $volume -ChunkSize 256KB").WithoutErrors();
    }

    public void Dispose()
    {
        _session.Run("Disconnect-ImageRepository");
        _session.Dispose();
        Directory.Delete(_location, recursive: true);
    }

    private void Damage()
    {
        string pack = Directory.GetFiles(Path.Combine(_location, "data"), "*", SearchOption.AllDirectories).OrderByDescending(f => new FileInfo(f).Length).First();
        byte[] bytes = File.ReadAllBytes(pack);
        bytes[1000] ^= 1;
        File.WriteAllBytes(pack, bytes);
    }

    [Fact]
    public void A_damaged_image_is_named_restored_in_part_repaired_and_healed()
    {
        Damage();
        ShellResult check = _session.Run("Test-ImageRepository -ReadData");
        Assert.Equal("PackCorrupt", check.ErrorId);
        DamagedImage damaged = Assert.Single(check.Single<RepositoryCheckResult>().DamagedImages);
        Assert.Equal(256 << 10, damaged.DamagedBytes);

        Assert.Equal("ChunkCorrupt", _session.Run("$image | Restore-VolumeImage -Destination $target -Confirm:$false").ErrorId);
        ShellResult restored = _session.Run("$image | Restore-VolumeImage -Destination $target -SkipCorrupt -Confirm:$false");
        Assert.Equal("SomeDataUnreadable", restored.ErrorId);
        Assert.Equal(damaged.Ranges, restored.Single<RestoreResult>().CorruptRanges);

        string[] before = Directory.GetFiles(_location, "*", SearchOption.AllDirectories);
        RepositoryRepairResult plan = _session.Run("Repair-ImageRepository -ReadData -WhatIf").WithoutErrors().Single<RepositoryRepairResult>();
        Assert.True(plan.IsPlan && plan.WasNeeded && plan.LostBlobCount == 1);
        Assert.Equal(before.Order(StringComparer.Ordinal), Directory.GetFiles(_location, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));

        ShellResult repaired = _session.Run("Repair-ImageRepository -ReadData -Confirm:$false").WithoutErrors();
        Assert.Equal((false, 1L), (repaired.Single<RepositoryRepairResult>().IsPlan, repaired.Single<RepositoryRepairResult>().LostBlobCount));
        Assert.Contains(repaired.Warnings, w => w.Contains("heals", StringComparison.Ordinal));
        Assert.Equal(1, _session.Run("Backup-VolumeImage $volume -ChunkSize 256KB").WithoutErrors().Single<ImageBackupInfo>().NewChunkCount);
        Assert.True(_session.Run("$image | Test-ImageBackup").WithoutErrors().Single<VerifyResult>().IsWhole);
        Assert.False(_session.Run("Repair-ImageRepository -ReadData").WithoutErrors().Single<RepositoryRepairResult>().WasNeeded);
    }

    [Fact]
    public void Samples_go_on_where_the_last_one_ended()
    {
        string? cursor = null;
        try
        {
            // Each volume has a pack of its own that is more than the hundredth: neither sample gets past both.
            _session.Run("$null = Backup-VolumeImage $other", ("other", _fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 8))).WithoutErrors();
            var first = _session.Run("$checked = Test-ImageRepository -Sample 1; $checked").WithoutErrors().Single<RepositoryCheckResult>();
            using RepositoryPassword password = RepositoryPassword.From(RepositoryFixture.Secret(RepositoryFixture.PasswordText));
            using (ImageRepository repository = ImageRepository.Open(_location, password, default))
                cursor = new SampleCursor(repository.Id).Path;
            Assert.True(first.DataRead);
            // The packs of trees and of lists may be less than the hundredth together: then the next one is read too.
            Assert.InRange(first.ReadPackCount, 1, first.PackCount - 1);
            Assert.Equal(first.SampleEnd, File.ReadAllText(cursor!));
            var second = _session.Run("Test-ImageRepository -Sample 1").WithoutErrors().Single<RepositoryCheckResult>();
            Assert.NotEqual(first.SampleEnd, second.SampleEnd);
        }
        finally
        {
            if (cursor is not null)
                File.Delete(cursor);
        }
    }

    [Theory]
    [InlineData("Backup-VolumeImage $volume -ReadErrorLimit -1")]
    [InlineData("Test-ImageRepository -Sample 0")]
    [InlineData("Test-ImageRepository -Sample 101")]
    public void What_makes_no_sense_is_refused(string script) =>
        Assert.Contains("ParameterArgumentValidationError", Assert.Single(_session.Run(script).Errors).FullyQualifiedErrorId, StringComparison.Ordinal);

    [Fact]
    public void The_repair_and_what_it_finds_have_views()
    {
        string text = _session.Run("Repair-ImageRepository | Out-Default").WithoutErrors().Text;
        Assert.Contains("not needed", text, StringComparison.Ordinal);
        Damage();
        Assert.Contains("DAMAGED", _session.Run("(Test-ImageRepository -ReadData -ErrorAction SilentlyContinue).DamagedImages | Out-Default").Text, StringComparison.Ordinal);
    }
}
