using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems;

/// <summary>The seeds are sectors of real volumes: unchanged, they must be recognised and mapped, without any tool.</summary>
public sealed class SeedMapTests
{
    public static IEnumerable<TheoryDataRow<string, string>> Seeds =>
        from target in FuzzTargets.All
        where target.SeedPrefix is "ext" or "xfs" or "btrfs" or "swap"
        from seed in FuzzTargets.Seeds(target)
        select new TheoryDataRow<string, string>(target.Name, seed.Name);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void AnUnchangedSeedIsMapped(string targetName, string seedName)
    {
        FuzzTargets.Target target = FuzzTargets.All.Single(candidate => candidate.Name == targetName);
        SeedVolume seed = FuzzTargets.Seeds(target).Single(candidate => candidate.Name == seedName).Seed;
        using var volume = new SeedVolumeReader(seed);
        IFileSystemReader reader = target.Create();
        FileSystemDescription? description = reader.Probe(volume);
        Assert.StartsWith(target.SeedPrefix, description?.Type);
        Assert.Equal(description!.Type, FileSystemCatalog.Probe(volume)?.Description.Type);
        UsedRangeMap map = reader.ReadUsedRanges(volume, CancellationToken.None);
        UsedRangeProof.AssertShape(map, seed.LengthBytes);
        // Something is used, and something is free.
        Assert.InRange(map.UsedBytes, 4096, seed.LengthBytes / 2);
        if (description.IsClean == true && description.Type is "ext2" or "ext3" or "ext4")
            Assert.InRange(map.UsedBytes, description.UsedBytes!.Value, description.UsedBytes.Value + seed.LengthBytes - description.SizeBytes!.Value + 1024);
    }
}
