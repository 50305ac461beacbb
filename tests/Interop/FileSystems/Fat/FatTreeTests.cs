using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Interop.FileSystems.Trees;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Fat;

/// <summary>Directories and files of FAT against mtools, which write and read them.</summary>
public sealed class FatTreeTests
{
    [Theory]
    [InlineData(16, 12, 8192)]
    [InlineData(100, 16, 4096)]
    [InlineData(300, 32, 4096)]
    public void TheTreeIsThatOfMtools(int sizeMiB, int width, int clusterSizeBytes)
    {
        Tool.Require("mkfs.fat", "mcopy", "mattrib", "mmd", "mdel");
        using ImageFile image = FatImages.Create((long)sizeMiB << 20, "-F", $"{width}", "-s", $"{clusterSizeBytes / 512}", "-n", "A LABEL");
        using var folder = new TestFolder();
        string source = folder.Path + "/source", copy = folder.Path + "/copy";
        Directory.CreateDirectory(source);
        NastyTree.Build(source, NastyCases.Everywhere, bigDirectoryCount: 600);
        foreach (string left in new[] { "times", "big" })
            Directory.Delete($"{source}/{left}", recursive: true);
        File.WriteAllText($"{source}/LOWER.txt", "one case in the name, another in the extension");
        File.SetLastWriteTimeUtc($"{source}/LOWER.txt", new DateTime(1999, 12, 31, 23, 59, 58, DateTimeKind.Utc));
        File.WriteAllText($"{source}/OLDÄ.TXT", "of the code page");
        File.WriteAllText($"{source}/gone with a long name", "gone");
        Mtools(image, "mcopy -Q -s -m -i IMAGE \"$SOURCE\"/* ::", source);
        Mtools(image, "mdel -i IMAGE '::gone with a long name'; mattrib -i IMAGE +h +r '::LOWER.txt'", source);

        IFileTree tree = new FatReader().OpenTree(image, CancellationToken.None);
        Directory.CreateDirectory(copy);
        Mtools(image, "mcopy -Q -s -m -n -i IMAGE '::*' \"$SOURCE\"", copy);
        List<string> differences = TreeOracle.Differences(copy, tree, OracleFields.Always, skips: static path => path is "names/ä.txt" or "names/Ä.txt");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.Null(tree.Find(tree.Root, "A LABEL", CancellationToken.None));
        // In lower case by the flag for it, which mtools heeds for ASCII only.
        Assert.Equal("ä.txt", tree.Find(tree.Find(tree.Root, "names", CancellationToken.None)!, "ä.txt", CancellationToken.None)!.Name);
        FileTreeEntry lower = tree.Find(tree.Root, "LOWER.TXT", CancellationToken.None)!;
        Assert.Equal("LOWER.txt", lower.Name);
        Assert.Equal(FileAttributesOfWindows.ReadOnly | FileAttributesOfWindows.Hidden | FileAttributesOfWindows.Archive, lower.Attributes);
        Assert.Equal(new DateTime(1999, 12, 31, 23, 59, 58, DateTimeKind.Utc), lower.Modified!.Value.ToDateTime());
        // The root's times are kept nowhere; those of files are the copies'.
        int timed = 0;
        foreach (FileTreeEntry file in tree.List(tree.Find(tree.Root, "sizes", CancellationToken.None)!, CancellationToken.None))
        {
            Assert.Equal(new FileInfo($"{copy}/sizes/{file.Name}").LastWriteTimeUtc, file.Modified!.Value.ToDateTime());
            timed++;
        }
        Assert.True(timed > 30);
        Assert.Contains(tree.Notes, note => note.Contains("zone", StringComparison.Ordinal));
    }

    // With IMAGEBACKUP_WRITE_SEEDS: the seed of FuzzedTreeTests.
    [Theory]
    [InlineData(12, 2)]
    [InlineData(32, 40)]
    public void TheSeedOfTheFuzzerIsWritten(int width, int sizeMiB)
    {
        TreeSeed.Require("mkfs.fat", "mcopy");
        using ImageFile image = FatImages.Create((long)sizeMiB << 20, "-F", $"{width}", "-s", "1");
        using var folder = new TestFolder();
        TreeSeed.Fill(folder.Path);
        Mtools(image, "mcopy -Q -s -m -i IMAGE \"$SOURCE\"/* ::", folder.Path);
        TreeSeed.Write($"fat{width}", new FatReader(), image);
    }

    private static void Mtools(ImageFile image, string commands, string source) =>
        Tool.Shell($"export MTOOLSRC={image.Path}.rc TZ=UTC SOURCE='{source}'; trap 'rm -f $MTOOLSRC' EXIT; echo default_codepage=437 > $MTOOLSRC; echo mtools_skip_check=1 >> $MTOOLSRC; " + commands.Replace("IMAGE", $"'{image.Path}'", StringComparison.Ordinal));
}
