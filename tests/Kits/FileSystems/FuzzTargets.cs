using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.Ext;
using ImageBackup.Engine.FileSystems.Luks;
using ImageBackup.Engine.FileSystems.Named;
using ImageBackup.Engine.FileSystems.Swap;
using ImageBackup.Engine.FileSystems.Xfs;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>
/// What can be fuzzed, by name: a reader and the beginning of its seeds' names in tests/Fixtures/FileSystems.
/// </summary>
/// <remarks>
/// Where structures carry checksums, a second target reads without them: almost every mutation would otherwise end
/// at the first one.
/// </remarks>
public static class FuzzTargets
{
    public sealed record Target(string Name, Func<IFileSystemReader> Create, string SeedPrefix);

    public static IReadOnlyList<Target> All { get; } =
    [
        new("ext", static () => new ExtReader(), "ext"),
        new("ext-unchecked", static () => new ExtReader(verifiesChecksums: false), "ext"),
        new("xfs", static () => new XfsReader(), "xfs"),
        new("xfs-unchecked", static () => new XfsReader(verifiesChecksums: false), "xfs"),
        new("btrfs", static () => new BtrfsReader(), "btrfs"),
        new("btrfs-unchecked", static () => new BtrfsReader(verifiesChecksums: false), "btrfs"),
        new("swap", static () => new SwapReader(), "swap"),
        new("luks", static () => new LuksReader(), "luks"),
        new("named", static () => new NamedReader(), ""),
    ];

    /// <summary>The seeds of a target, by their files' names.</summary>
    public static IReadOnlyList<(string Name, SeedVolume Seed)> Seeds(Target target) =>
        Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", "FileSystems"), target.SeedPrefix + "*.seed")
            .OrderBy(path => path, StringComparer.Ordinal)
            .Select(path => (Path.GetFileNameWithoutExtension(path), SeedVolume.Load(path)))
            .ToList();
}
