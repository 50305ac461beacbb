using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Interop.FileSystems.Trees;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.ExFat;

/// <summary>Directories and files of exFAT against its FUSE driver, which writes and reads them.</summary>
public sealed class ExFatTreeTests
{
    [Theory]
    [InlineData(300, 512)]
    [InlineData(500, 131072)]
    public void TheTreeIsTheDrivers(int sizeMiB, int clusterSizeBytes)
    {
        Tool.Require("mkfs.exfat", "mount.exfat-fuse", "umount");
        FuseMount.Require();
        using ImageFile image = ImageFile.Create((long)sizeMiB << 20);
        Tool.Run("mkfs.exfat", "-c", $"{clusterSizeBytes}", "-L", "a label", image.Path);
        using (var mount = new FuseMount("mount.exfat-fuse", image, needsDevice: true))
            NastyTree.Build(mount.Root, NastyCases.Everywhere, bigDirectoryCount: 600);
        IFileTree tree = new ExFatReader().OpenTree(image, CancellationToken.None);
        Assert.Empty(tree.Notes);
        using var again = new FuseMount("mount.exfat-fuse", image, "ro,noatime", needsDevice: true);
        List<string> differences = TreeOracle.Differences(again.Root, tree, OracleFields.Modified, timeUnitNanoseconds: 1_000_000_000, IsAfter2100);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    // The driver takes 2100 for a leap year.
    private static bool IsAfter2100(string path) =>
        path.StartsWith("times/", StringComparison.Ordinal) && long.TryParse(path[6..], out long seconds) && seconds > 4_107_000_000;

    // With IMAGEBACKUP_WRITE_SEEDS: the seed of FuzzedTreeTests.
    [Fact]
    public void TheSeedOfTheFuzzerIsWritten()
    {
        TreeSeed.Require("mkfs.exfat", "mount.exfat-fuse");
        using ImageFile image = ImageFile.Create(4 << 20);
        Tool.Run("mkfs.exfat", "-c", "512", image.Path);
        using (var mount = new FuseMount("mount.exfat-fuse", image, needsDevice: true))
            TreeSeed.Fill(mount.Root);
        TreeSeed.Write("exfat", new ExFatReader(), image);
    }
}
