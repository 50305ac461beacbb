using System.Linq;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>A short run of every parser's fuzzer; tests/Fuzz runs for as long as it is told.</summary>
public sealed class ParserFuzzTests
{
    private const int RunCount = 4_000;

    /// <summary>Of those that run the whole road.</summary>
    private const int SealedRunCount = 150;

    public static TheoryData<string> Targets => new(ParserTargets.All.Select(t => t.Name));

    [Theory]
    [MemberData(nameof(Targets))]
    public void Damaged_input_is_read_or_refused_as_documented(string name)
    {
        ParserTarget target = ParserTargets.All.Single(t => t.Name == name);
        Assert.All(target.Seeds, seed => target.Read(seed));
        int runCount = name.StartsWith("sealed", System.StringComparison.Ordinal) ? SealedRunCount : RunCount;
        var fuzzer = new ParserFuzzer(target);
        for (int number = 0; number < runCount; number++)
            fuzzer.Run(number);
        Assert.Equal(runCount, fuzzer.ReadCount + fuzzer.RefusedCount);
        Assert.True(fuzzer.RefusedCount > runCount / 100, "Hardly anything was refused: the mutations do not reach the parser.");
    }
}
