using System.Linq;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems;

/// <summary>A short run of every fuzz target; tests/Fuzz runs for as long as it is told.</summary>
public sealed class FuzzedVolumeTests
{
    private const int RunsPerSeed = 400;

    public static TheoryData<string> Targets => new(FuzzTargets.All.Select(target => target.Name));

    [Theory]
    [MemberData(nameof(Targets))]
    public void DamagedVolumesGiveAMapOrTheDocumentedException(string name)
    {
        FuzzTargets.Target target = FuzzTargets.All.Single(candidate => candidate.Name == name);
        var seeds = FuzzTargets.Seeds(target);
        Assert.NotEmpty(seeds);
        foreach ((_, SeedVolume seed) in seeds)
        {
            var fuzzer = new FileSystemFuzzer(target.Create(), seed);
            for (int number = 0; number < RunsPerSeed; number++)
                fuzzer.Run(number);
            Assert.Equal(RunsPerSeed, fuzzer.AcceptedCount + fuzzer.RefusedCount);
        }
    }
}
