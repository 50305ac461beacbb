using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Engine.FileSystems.Ext;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.FileSystems.Xfs;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>The trees that can be fuzzed, by name, as <see cref="FuzzTargets"/>: where structures carry checksums, a second target reads without them.</summary>
internal static class TreeTargets
{
    /// <param name="Name">With "tree-" before it, so that it is not a reader's.</param>
    /// <param name="Create">The reader.</param>
    /// <param name="SeedNames">Files in tests/Fixtures/FileSystems, without their endings.</param>
    public sealed record Target(string Name, Func<IFileTreeReader> Create, params string[] SeedNames);

    public static IReadOnlyList<Target> All { get; } =
    [
        new("tree-ext", static () => new ExtReader(), "files-ext4", "files-ext4-later"),
        new("tree-ext-unchecked", static () => new ExtReader(verifiesChecksums: false), "files-ext4", "files-ext4-later"),
        new("tree-ntfs", static () => new NtfsReader(), "tree-ntfs"),
        new("tree-fat12", static () => new FatReader(), "tree-fat12"),
        new("tree-fat32", static () => new FatReader(), "tree-fat32"),
        new("tree-btrfs", static () => new BtrfsReader(), "tree-btrfs"),
        new("tree-btrfs-unchecked", static () => new BtrfsReader(verifiesChecksums: false), "tree-btrfs"),
        new("tree-xfs", static () => new XfsReader(), "tree-xfs", "tree-xfs-dirty"),
        new("tree-xfs-unchecked", static () => new XfsReader(verifiesChecksums: false), "tree-xfs", "tree-xfs-dirty"),
        new("tree-exfat", static () => new ExFatReader(), "tree-exfat"),
        new("tree-exfat-unchecked", static () => new ExFatReader(verifiesChecksums: false), "tree-exfat"),
    ];

    public static IReadOnlyList<(string Name, SeedVolume Seed)> Seeds(Target target) => [.. target.SeedNames.Select(name => (name, Load(target, name)))];

    private static SeedVolume Load(Target target, string name)
    {
        string seed = Path.Combine(AppContext.BaseDirectory, "Fixtures", "FileSystems", name + ".seed");
        if (File.Exists(seed))
            return SeedVolume.Load(seed);
        using var image = new PatchedVolume(SeedImage.Load(name));
        return TreeFuzzer.Capture(target.Create(), image);
    }
}
