using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Map;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Signatures;

/// <summary>
/// One volume, used for several things one after the other, as disks are: a claimant that still works before a backup works after its
/// restore, with every file.
/// </summary>
public sealed class ConflictTests
{
    private const long MiB = 1 << 20;
    private const string RoundsVariable = "IMAGEBACKUP_SIGNATURE_ROUNDS";

    /// <summary>The cases that lost everything, and those that must not be made large for nothing.</summary>
    public static TheoryData<string, bool> Known => new()
    {
        { "swap dos", true },
        { "ext4 dos", true },
        { "fat16 dos", true },
        { "fat16 gpt", true },
        { "ntfs gpt", true },
        { "dos-logical swap", true },
        { "ntfs dos", true },
        { "md-1.0 fat16", true },
        { "ext4 zfs-end", true },
        { "gpt fat16", true }, // The copy at the end is still there.
        { "gpt ext4", false }, // mke2fs clears both ends.
        { "ext4", false },
        { "fat32-mbr", false },
        { "fat16", false },
        { "ntfs", false },
        { "exfat", false },
        { "f2fs", false },
    };

    [Theory]
    [MemberData(nameof(Known))]
    public void A_disk_that_was_something_else_before(string names, bool isConflict)
    {
        Claimant[] kinds = [.. names.Split(' ').Select(Claimant.Get)];
        using ImageFile image = Use(kinds, 128 * MiB, seed: 1, out string?[] before);
        Assert.NotNull(before[^1]);
        UsedMap map = ReadMap(image);
        Assert.Equal(isConflict, map.Warnings.Any(static w => w.StartsWith("SignaturesConflict", StringComparison.Ordinal)));
        Assert.Equal(isConflict, map.Used.IsWhole);
        if (isConflict)
            Assert.All(kinds, kind => Assert.Contains(kind.Type + " at offset ", map.Warnings.Single(), StringComparison.Ordinal));
        AssertSurvive(kinds, image, map, before, seed: 1, names);
    }

    /// <summary>A few rounds with the suite; as many as the environment asks for, from a seed of its own, by hand.</summary>
    [Fact]
    public void Whoever_works_before_works_after()
    {
        string? asked = Environment.GetEnvironmentVariable(RoundsVariable);
        int rounds = asked is null ? 4 : int.Parse(asked, CultureInfo.InvariantCulture);
        int first = asked is null ? 1 : Environment.TickCount & 0xFFFFF;
        int living = 0;
        for (int seed = first; seed < first + rounds; seed++)
        {
            var random = new Random(seed);
            // The largest needs 310 MiB, which is for the long form.
            Claimant[] kinds = [.. Claimant.All.Where(kind => kind.MinSizeBytes < 200 * MiB || asked is not null)
                .OrderBy(_ => random.Next()).Take(random.Next(2, 5))];
            string what = $"seed {seed}: {string.Join(", ", kinds.Select(kind => kind.Name))}";
            using ImageFile image = Use(kinds, Math.Max(128 * MiB, kinds.Max(kind => kind.MinSizeBytes)), seed, out string?[] before);
            living += before.Count(static state => state is not null);
            UsedMap map = ReadMap(image);
            IReadOnlyList<SignatureClaim> claimants = SignatureScan.FindClaimants(image);
            for (int i = 0; i < kinds.Length; i++)
                Assert.True(before[i] is null || claimants.Any(c => c.Type == kinds[i].Type), $"{what}: {kinds[i].Name} works and is not found among {SignatureScan.Describe(claimants)}");
            Assert.Equal(claimants.Count > 1, map.Warnings.Any(static w => w.StartsWith("SignaturesConflict", StringComparison.Ordinal)));
            AssertSurvive(kinds, image, map, before, seed, what);
        }
        Assert.True(living >= rounds, $"{living} worked in {rounds} rounds");
    }

    [Fact]
    public void Through_a_repository_and_back()
    {
        Claimant[] kinds = [Claimant.Get("swap"), Claimant.Get("dos")];
        using ImageFile image = Use(kinds, 64 * MiB, seed: 3, out string?[] before);
        Assert.NotNull(before[1]);
        using var directory = new TemporaryDirectory();
        using var repository = TestRepository.Create(directory["repo"]);
        IVolumeSystem volumes = VolumeSystem.Current;
        ImageBackupInfo info = new BackupJob(repository, volumes).Run(new BackupRequest { Volume = volumes.Find(image.Path) }, null, CancellationToken.None);
        string warning = Assert.Single(info.Warnings, static w => w.StartsWith("SignaturesConflict", StringComparison.Ordinal));
        Assert.Contains("swap at offset 4086", warning, StringComparison.Ordinal);
        Assert.Contains("dos at offset 446", warning, StringComparison.Ordinal);
        ImageBackupInfo listed = new ImageCatalog(repository).List(new ImageFilter(), null, CancellationToken.None).Single();
        Assert.Contains(warning, listed.Warnings);
        using ImageFile restored = ImageFile.Create(image.LengthBytes);
        File.Delete(restored.Path);
        new RestoreJob(repository, volumes).Run(new RestoreRequest { ImageId = info.Id, Destination = restored.Path }, null, CancellationToken.None);
        Assert.Equal(before[1], kinds[1].State(restored, 3001));
    }

    private static ImageFile Use(Claimant[] kinds, long sizeBytes, int seed, out string?[] states)
    {
        Tool.Require("losetup", "sfdisk");
        foreach (Claimant kind in kinds.Where(static kind => kind.Maker.Length > 0))
            Tool.Require(kind.Maker);
        using var files = new TestFolder();
        ImageFile image = ImageFile.Create(sizeBytes);
        try
        {
            for (int i = 0; i < kinds.Length; i++)
            {
                for (int file = 0; file < 3; file++)
                    File.WriteAllBytes(files.File($"f{file}"), SeededBytes.Make(seed * 100 + i * 10 + file, 300_000 * (file + 1)));
                kinds[i].Make(image, files.Path, seed * 1000 + i);
            }
            states = new string?[kinds.Length];
            for (int i = 0; i < kinds.Length; i++)
                states[i] = kinds[i].State(image, seed * 1000 + i);
            return image;
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    private static UsedMap ReadMap(ImageFile image) => UsedMap.Read(image, new UsedMapOptions { GapSizeBytes = 512 }, CancellationToken.None);

    /// <summary>What is not stored may hold anything after a restore.</summary>
    private static void AssertSurvive(Claimant[] kinds, ImageFile image, UsedMap map, string?[] before, int seed, string what)
    {
        using ImageFile restored = image.Copy();
        MapCheck.OverwriteFree(restored, new UsedRangeMap
        {
            Ranges = map.Used.Ranges,
            ClusterSizeBytes = 512,
            UsedBytes = map.Used.UsedBytes,
        });
        for (int i = 0; i < kinds.Length; i++)
        {
            if (before[i] is not null)
                Assert.True(before[i] == kinds[i].State(restored, seed * 1000 + i), $"{what}: {kinds[i].Name} worked before and does not now");
        }
    }
}
