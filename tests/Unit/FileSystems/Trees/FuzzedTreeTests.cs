using System;
using System.Collections.Generic;
using System.IO;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.FileSystems.Xfs;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Trees;

/// <summary>Damaged volumes whose trees are walked: entries or the documented exception, in bounded time and memory.</summary>
public sealed class FuzzedTreeTests
{
    private const int RunsPerSeed = 250;

    private static readonly Dictionary<string, Func<IFileTreeReader>> s_readers = new()
    {
        ["ntfs"] = static () => new NtfsReader(),
        ["fat12"] = static () => new FatReader(),
        ["fat32"] = static () => new FatReader(),
        ["btrfs"] = static () => new BtrfsReader(),
        ["btrfs-unchecked"] = static () => new BtrfsReader(verifiesChecksums: false),
        ["xfs"] = static () => new XfsReader(),
        ["xfs-unchecked"] = static () => new XfsReader(verifiesChecksums: false),
        ["exfat"] = static () => new ExFatReader(),
        ["exfat-unchecked"] = static () => new ExFatReader(verifiesChecksums: false),
    };

    public static TheoryData<string> Names => [.. s_readers.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void DamagedTreesGiveEntriesOrTheDocumentedException(string name)
    {
        SeedVolume seed = SeedVolume.Load(Path.Combine(AppContext.BaseDirectory, "Fixtures", "FileSystems", $"tree-{name.Split('-')[0]}.seed"));
        var fuzzer = new TreeFuzzer(s_readers[name](), seed);
        for (int number = 0; number < RunsPerSeed; number++)
            fuzzer.Run(number);
        Assert.True(fuzzer.EntryCount > 5 * RunsPerSeed, $"{fuzzer.EntryCount} entries");
        Assert.NotEqual(0, fuzzer.RefusedCount);
    }
}
