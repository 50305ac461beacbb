using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.BitLocker;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Engine.FileSystems.Ext;
using ImageBackup.Engine.FileSystems.F2fs;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Engine.FileSystems.Luks;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Engine.FileSystems.ReFs;
using ImageBackup.Engine.FileSystems.Signatures;
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
internal static class FuzzTargets
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
        new("ntfs", static () => new NtfsReader(), "ntfs"),
        new("fat", static () => new FatReader(), "fat"),
        new("exfat", static () => new ExFatReader(), "exfat"),
        new("exfat-unchecked", static () => new ExFatReader(verifiesChecksums: false), "exfat"),
        new("f2fs", static () => new F2fsReader(), "f2fs"),
        new("f2fs-unchecked", static () => new F2fsReader(verifiesChecksums: false), "f2fs"),
        new("bitlocker", static () => new BitLockerReader(), "fat"),
        new("refs", static () => new ReFsReader(), "ntfs"),
        new("named", static () => new NamedReader(), ""),
    ];

    /// <summary>The seeds of a target, by their files' names.</summary>
    public static IReadOnlyList<(string Name, SeedVolume Seed)> Seeds(Target target) =>
        Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", "FileSystems"), target.SeedPrefix + "*.seed")
            .OrderBy(path => path, StringComparer.Ordinal)
            .Select(path => (Path.GetFileNameWithoutExtension(path), SeedVolume.Load(path)))
            .Concat(SeedImage.Names(target.SeedPrefix).Select(name => (name, FromImage(name, target.Create()))))
            .ToList();

    // What the reader itself looks at in a whole image.
    private static SeedVolume FromImage(string name, IFileSystemReader reader)
    {
        using var image = new PatchedVolume(SeedImage.Load(name));
        return SeedVolume.Capture(image, recorded =>
        {
            try
            {
                reader.Probe(recorded);
                reader.ReadUsedRanges(recorded, CancellationToken.None);
                (reader as IOmittedFiles)?.FindOmittedFiles(recorded, isFlushed: true, CancellationToken.None);
            }
            catch (FileSystemFormatException)
            {
                // A seed of another type: what was read until then will do.
            }
        });
    }
}
