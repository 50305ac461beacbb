using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
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
        Assert.Contains(repaired.Warnings, w => w.Contains("back the volume up again", StringComparison.Ordinal));
        Assert.Equal(1, _session.Run("Backup-VolumeImage $volume -ChunkSize 256KB").WithoutErrors().Single<ImageBackupInfo>().NewChunkCount);
        Assert.True(_session.Run("$image | Test-ImageBackup").WithoutErrors().Single<VerifyResult>().IsWhole);
        Assert.False(_session.Run("Repair-ImageRepository -ReadData").WithoutErrors().Single<RepositoryRepairResult>().WasNeeded);
    }

    /// <summary>
    /// A sample is at least its share of the bytes, whole packs in the order of their names from where the last one ended: how many
    /// these are depends on how large each is, and the names are hashes. So it is worked out for every place to begin at.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void Samples_go_on_where_the_last_one_ended(int percent)
    {
        // More packs than one of data and one of trees.
        _session.Set("other", _fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 9));
        _session.Run("$null = Backup-VolumeImage $other -ChunkSize 256KB").WithoutErrors();
        FileInfo[] packs = [.. new DirectoryInfo(Path.Combine(_location, "data")).GetFiles("*", SearchOption.AllDirectories).OrderBy(f => f.Name, StringComparer.Ordinal)];
        Assert.True(packs.Length > 2);
        using RepositoryPassword password = RepositoryPassword.From(RepositoryFixture.Secret(RepositoryFixture.PasswordText));
        string? cursor;
        using (ImageRepository repository = ImageRepository.Open(_location, password, default))
            cursor = new SampleCursor(repository.Id).Path;
        Assert.SkipWhen(cursor is null, "This user has no place for such files: each sample begins at a random pack.");
        try
        {
            for (int last = 0; last < packs.Length; last++)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(cursor)!);
                File.WriteAllText(cursor, packs[last].Name);
                (int count, string end) = Expected(packs, last, percent);
                var result = _session.Run($"Test-ImageRepository -Sample {percent}").WithoutErrors().Single<RepositoryCheckResult>();
                Assert.True(result.DataRead);
                Assert.Equal(count, result.ReadPackCount);
                // A sample that read everything ends nowhere, and the next one begins where this one did.
                Assert.Equal(count == packs.Length ? null : end, result.SampleEnd);
                Assert.Equal(count == packs.Length ? packs[last].Name : end, File.ReadAllText(cursor));
            }
        }
        finally
        {
            File.Delete(cursor);
        }
    }

    [Fact]
    public void A_sample_by_size_reads_so_much_and_goes_on()
    {
        _session.Set("other", _fixture.NewVolume($"{Guid.NewGuid():N}.img", seed: 9));
        _session.Run("$null = Backup-VolumeImage $other -ChunkSize 256KB").WithoutErrors();
        int packCount = new DirectoryInfo(Path.Combine(_location, "data")).GetFiles("*", SearchOption.AllDirectories).Length;
        Assert.True(packCount > 2);
        // A byte is a pack; each run goes on with the next one.
        string[] ends = [.. Enumerable.Range(0, packCount + 1).Select(_ => _session.Run("Test-ImageRepository -SampleSize 1").WithoutErrors().Single<RepositoryCheckResult>())
            .Select(result => (result.ReadPackCount, result.SampleEnd)).Select(each => each.ReadPackCount == 1 ? each.SampleEnd! : "")];
        Assert.Equal(packCount, ends.Distinct().Count());
        Assert.Equal(ends[0], ends[^1]);
        Assert.Equal(packCount, _session.Run("Test-ImageRepository -SampleSize 1TB").WithoutErrors().Single<RepositoryCheckResult>().ReadPackCount);
        Assert.Equal("ParameterInvalid", _session.Run("Test-ImageRepository -SampleSize 1MB -Sample 5").ErrorId);
    }

    private static (int Count, string End) Expected(FileInfo[] packs, int last, int percent)
    {
        long readBytes = 0, totalBytes = packs.Sum(p => p.Length);
        int count = 0;
        while (readBytes * 100 < totalBytes * percent)
            readBytes += packs[(last + ++count) % packs.Length].Length;
        return (count, packs[(last + count) % packs.Length].Name);
    }

    [Theory]
    [InlineData("Backup-VolumeImage $volume -ReadErrorLimit -1")]
    [InlineData("Test-ImageRepository -Sample 0")]
    [InlineData("Test-ImageRepository -Sample 101")]
    [InlineData("Test-ImageRepository -SampleSize 0")]
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
