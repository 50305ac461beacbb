using System.Linq;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Trees;

/// <summary>Damaged volumes whose trees are walked: entries or the documented exception, in bounded time and memory.</summary>
public sealed class FuzzedTreeTests
{
    private const int RunsPerSeed = 250;

    public static TheoryData<string> Names => [.. TreeTargets.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void DamagedTreesGiveEntriesOrTheDocumentedException(string name)
    {
        TreeTargets.Target target = TreeTargets.All.Single(found => found.Name == name);
        (string Name, SeedVolume Seed)[] seeds = [.. TreeTargets.Seeds(target)];
        foreach ((_, SeedVolume seed) in seeds)
            Fuzz(new TreeFuzzer(target.Create(), seed), RunsPerSeed / seeds.Length);
    }

    private static void Fuzz(TreeFuzzer fuzzer, int runs)
    {
        for (int number = 0; number < runs; number++)
            fuzzer.Run(number);
        Assert.True(fuzzer.EntryCount > 5 * runs, $"{fuzzer.EntryCount} entries");
        Assert.NotEqual(0, fuzzer.RefusedCount);
    }
}
