using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Tests.Interop.FileSystems.Trees;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Btrfs;

/// <summary>Directories and files of btrfs against the kernel, which writes and reads them.</summary>
public sealed class BtrfsTreeTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData("--mixed -n 4096 --csum xxhash", "noatime,compress-force=zlib")]
    [InlineData("-m dup -d single -n 65536 --csum sha256", "noatime,compress-force=lzo")]
    [InlineData("-O ^no-holes --csum blake2", "noatime,compress-force=zstd,max_inline=4000")]
    public void TheTreeIsTheKernels(string options, string mountOptions)
    {
        Tool.Require("mkfs.btrfs", "btrfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 400 * MiB);
        Tool.Shell($"mkfs.btrfs -q {options} '{image}'");
        using (var mount = new LoopMount(image, "btrfs", "rw," + mountOptions))
        {
            NastyTree.Build(mount.Path, NastyCases.All, bigDirectoryCount: 600);
            Compressible(mount.Path + "/compressible");
            Tool.Shell($"cd '{mount.Path}'; btrfs -q subvolume create sub || btrfs subvolume create sub; cp -a sizes sub/; btrfs subvolume create sub/nested; echo x > sub/nested/x; "
                + "btrfs subvolume snapshot sub snapshot; btrfs subvolume snapshot -r sub/nested names/read-only; echo y > snapshot/y; cp --reflink=always sizes/65536 'reflink'; btrfs subvolume set-default \"$(btrfs inspect-internal rootid sub)\" .; "
                + "touch plain; chattr +C plain || true; head -c 100000 /dev/urandom > plain; sync");
        }
        using var reader = new ImageFileReader(image);
        IFileTree tree = new BtrfsReader().OpenTree(reader, CancellationToken.None);
        Assert.Empty(tree.Notes);
        using var again = new LoopMount(image, "btrfs", "ro,noatime,subvolid=5");
        List<string> differences = TreeOracle.Differences(again.Path, tree, skips: static path => path == "snapshot/nested");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        FileTreeEntry snapshot = Find(tree, "snapshot", "nested");
        Assert.Equal(FileTreeKind.Directory, snapshot.Kind);
        Assert.Empty(tree.List(snapshot, CancellationToken.None));
    }

    [Fact]
    public void ADamagedSectorIsNotReadAsIfItWereGood()
    {
        Tool.Require("mkfs.btrfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 300 * MiB);
        Tool.Shell($"mkfs.btrfs -q -m dup -d single '{image}'");
        var content = new byte[100_000];
        new Random(5).NextBytes(content);
        using (var mount = new LoopMount(image, "btrfs", "rw,noatime"))
            File.WriteAllBytes(mount.Path + "/file", content);
        byte[] whole = File.ReadAllBytes(image);
        int at = whole.AsSpan().IndexOf(content.AsSpan(40_960, 4096));
        whole[at + 7] ^= 1;
        using var volume = new PatchedVolume(whole);
        IFileTree tree = new BtrfsReader().OpenTree(volume, CancellationToken.None);
        using ISparseBlockReader data = tree.OpenData(Find(tree, "file"));
        var part = new byte[40_960];
        Assert.Equal(part.Length, data.ReadAt(0, part));
        Assert.True(part.AsSpan().SequenceEqual(content.AsSpan(0, part.Length)));
        Assert.Contains("checksum", Assert.Throws<FileSystemFormatException>(() => data.ReadAt(40_960, part)).Message);
        Assert.Equal(100, data.ReadAt(99_900, part));
    }

    [Fact]
    public void SeveralDevicesAreRefused()
    {
        Tool.Require("mkfs.btrfs");
        using var folder = new TestFolder();
        string first = folder.Sparse("first.img", 200 * MiB), second = folder.Sparse("second.img", 200 * MiB);
        Tool.Shell($"mkfs.btrfs -q -m raid1 -d raid1 '{first}' '{second}'");
        using var reader = new ImageFileReader(first);
        Assert.Equal("btrfs: the file system spans 2 devices",
            Assert.Throws<FileSystemFormatException>(() => new BtrfsReader().OpenTree(reader, CancellationToken.None)).Message);
    }

    // With IMAGEBACKUP_WRITE_SEEDS: the seed of FuzzedTreeTests.
    [Fact]
    public void TheSeedOfTheFuzzerIsWritten()
    {
        TreeSeed.Require("mkfs.btrfs", "btrfs", "setfattr");
        using var folder = new TestFolder();
        string image = folder.Sparse("btrfs.img", 128 * MiB);
        Tool.Shell($"mkfs.btrfs -q --mixed -n 4096 '{image}'");
        foreach (string type in new[] { "zlib", "lzo", "zstd" })
        {
            using var mount = new LoopMount(image, "btrfs", "rw,noatime,compress-force=" + type);
            if (type == "zlib")
                TreeSeed.Fill(mount.Path);
            File.WriteAllText($"{mount.Path}/{type}", string.Concat(Enumerable.Range(0, 3000).Select(i => $"line {i * 7 % 1000}\n")));
            Tool.Shell($"cd '{mount.Path}'; setfattr -n user.{type} -v value {type}; ln -s target link-{type}; btrfs subvolume snapshot . snapshot-{type}");
        }
        using var reader = new ImageFileReader(image);
        TreeSeed.Write("btrfs", new BtrfsReader(), reader);
    }

    private static void Compressible(string folder)
    {
        Directory.CreateDirectory(folder);
        string text = string.Concat(Enumerable.Range(0, 60_000).Select(i => $"line {i * 7 % 1000} of a text {(char)('a' + i % 26)}\n"));
        foreach (int length in new[] { 100, 1500, 4095, 4096, 4097, 131_072, 131_073, 900_001 })
            File.WriteAllText($"{folder}/{length}", text[..length]);
        // A part of a compressed extent is written anew, so that two parts of it are left.
        using FileStream file = File.OpenWrite($"{folder}/900001");
        foreach (int offset in new[] { 300_000, 500_000, 500_100 })
        {
            file.Position = offset;
            file.Write(System.Text.Encoding.ASCII.GetBytes(text[..5000]));
            file.Flush(flushToDisk: true);
        }
    }

    private static FileTreeEntry Find(IFileTree tree, params string[] path)
    {
        FileTreeEntry entry = tree.Root;
        foreach (string name in path)
            entry = tree.Find(entry, name, CancellationToken.None) ?? throw new FileNotFoundException(name);
        return entry;
    }
}
