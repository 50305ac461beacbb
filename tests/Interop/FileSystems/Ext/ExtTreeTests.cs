using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ext;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Tests.Interop.FileSystems.Trees;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Ext;

/// <summary>The files of ext volumes that the kernel filled, against the kernel's own mount of them.</summary>
public sealed class ExtTreeTests
{
    private const long MiB = 1 << 20;

    /// <summary>mke2fs makes inodes by the volume's size, too few for a directory that is asked for by its number of names.</summary>
    private static string Inodes => NastyTree.WantedNames > 0 ? $"-N {NastyTree.WantedNames + 10_000}" : "";

    [Theory]
    [InlineData("ext2", "-b 1024", 200)]
    [InlineData("ext3", "-b 4096", 200)]
    [InlineData("ext4", "-b 1024 -I 128 -O ^64bit,^metadata_csum", 200)]
    [InlineData("ext4", "-b 4096", 200)]
    [InlineData("ext4", "-b 4096 -I 512 -O inline_data,ea_inode,large_dir,metadata_csum_seed,encrypt", 200)]
    [InlineData("ext4", "-b 1024 -I 256 -O inline_data,meta_bg,^resize_inode", 200)]
    [InlineData("ext4", "-b 4096 -O bigalloc -C 65536", 600)]
    [InlineData("ext4", "-b 2048 -O ^extents,^64bit", 200)]
    public void ATreeIsReadAsTheKernelReadsIt(string type, string options, int sizeMiB)
    {
        Tool.Require("mke2fs", "losetup", "mount");
        using var folder = new TestFolder();
        // A group of 'bigalloc' is 2 GiB and has 32,768 inodes at most.
        int roomMiB = NastyTree.WantedNames / (options.Contains("bigalloc", StringComparison.Ordinal) ? 10 : 100);
        string image = folder.Sparse("ext.img", (sizeMiB + roomMiB) * MiB);
        Tool.Shell($"mke2fs -q -F -t {type} {options} {Inodes} '{image}'");
        (int code, _, string error) = Tool.TryRun("mount", "-o", "loop", image, Directory.CreateDirectory(folder.File("try")).FullName);
        Assert.SkipUnless(code == 0, $"the kernel does not mount {options}: {error}");
        Tool.Run("umount", folder.File("try"));
        using (var mount = new LoopMount(image, type, "rw,noatime"))
            NastyTree.Build(mount.Path, NastyCases.All, bigDirectoryCount: 1500);
        using (var mount = new LoopMount(image, type, "ro,noatime"))
            AssertSame(mount.Path, image);
    }

    [Fact]
    public void BlocksOf64KiBAreRead()
    {
        // No kernel with pages of 4 KiB mounts it: mke2fs copies a tree into it.
        Tool.Require("mke2fs", "losetup", "mount");
        using var folder = new TestFolder();
        string source = folder.Sparse("source.img", (300 + NastyTree.WantedNames / 100) * MiB), image = folder.Sparse("ext.img", (900 + NastyTree.WantedNames / 50) * MiB);
        Tool.Shell($"mke2fs -q -F -t ext4 {Inodes} '{source}'");
        using var mount = new LoopMount(source, "ext4", "rw,noatime");
        NastyTree.Build(mount.Path, NastyCases.All & ~(NastyCases.Sparse | NastyCases.Unwritten | NastyCases.ExtendedAttributes), bigDirectoryCount: 1500);
        Tool.Shell($"mke2fs -q -F -t ext4 {Inodes} -b 65536 -d '{mount.Path}' '{image}'");
        AssertSame(mount.Path, image, OracleFields.Permissions | OracleFields.Owner | OracleFields.Links | OracleFields.Device);
    }

    [Theory]
    [InlineData("ext3", "-b 1024")]
    [InlineData("ext4", "-b 4096")]
    public void AnUnreplayedJournalIsReplayedOverTheVolume(string type, string options)
    {
        Tool.Require("mke2fs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", 200 * MiB), crashed = folder.File("crashed.img");
        Tool.Shell($"mke2fs -q -F -t {type} {options} '{image}'");
        using (var mount = new LoopMount(image, type, "rw,noatime,commit=300"))
        {
            FileTree.Churn(mount.Path, 10 * MiB, seed: 1);
            Tool.Run("sync", "-f", mount.Path);
            FileTree.WriteDurably(mount.Path, count: 60, lengthBytes: 50_000, seed: 6);
            // The backing file lacks what the loop device's cache has not written: a power cut.
            Tool.Run("cp", "--sparse=always", image, crashed);
        }
        string before = folder.File("before.img");
        File.Copy(crashed, before);
        using var replayed = new LoopMount(crashed, type, "rw,noatime");
        AssertSame(replayed.Path, before);
        // The premise: without the log the files are not there.
        using var volume = new ImageFileReader(before);
        using var unaware = new PatchedReader(volume);
        const int incompatible = 1024 + 0x60;
        unaware.Patch(incompatible, (byte)(unaware.Read(incompatible, 1)[0] & ~4));
        Assert.NotEmpty(TreeOracle.Differences(replayed.Path, new ExtReader(verifiesChecksums: false).OpenTree(unaware, CancellationToken.None)));
    }

    [Fact]
    public void WhatIsEncryptedIsRefusedByNameAndTheRestIsRead()
    {
        Tool.Require("mke2fs", "debugfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("ext.img", 64 * MiB);
        Tool.Shell($"mke2fs -q -F -t ext4 -O encrypt '{image}'");
        using (var mount = new LoopMount(image, "ext4"))
        {
            File.WriteAllText(mount.Path + "/secret", "secret");
            File.WriteAllText(mount.Path + "/plain", "plain");
            Directory.CreateDirectory(mount.Path + "/vault");
        }
        Tool.Run("debugfs", "-w", "-R", "set_inode_field secret flags 0x80800", image);
        Tool.Run("debugfs", "-w", "-R", "set_inode_field vault flags 0x80800", image);
        using var volume = new ImageFileReader(image);
        IFileTree tree = new ExtReader().OpenTree(volume, CancellationToken.None);
        Dictionary<string, FileTreeEntry> entries = tree.List(tree.Root, CancellationToken.None).ToDictionary(entry => entry.Name);
        Assert.Contains("fscrypt", entries["secret"].Refusal, StringComparison.Ordinal);
        Assert.Contains("fscrypt", entries["vault"].Refusal, StringComparison.Ordinal);
        Assert.Contains("fscrypt", Assert.Throws<FileSystemFormatException>(() => tree.OpenData(entries["secret"])).Message, StringComparison.Ordinal);
        Assert.Contains("fscrypt", Assert.Throws<FileSystemFormatException>(() => tree.List(entries["vault"], CancellationToken.None).Count()).Message, StringComparison.Ordinal);
        Assert.Null(entries["plain"].Refusal);
        using ISparseBlockReader content = tree.OpenData(entries["plain"]);
        var bytes = new byte[10];
        Assert.Equal("plain", System.Text.Encoding.ASCII.GetString(bytes, 0, content.ReadAt(0, bytes)));
    }

    [Fact]
    public void DamagedTreesThrowNothingElse()
    {
        Tool.Require("mke2fs", "losetup", "mount");
        using var folder = new TestFolder();
        foreach ((string type, string options) in new[] { ("ext2", "-b 1024 -N 512"), ("ext4", "-b 1024 -I 256 -N 512 -O inline_data,ea_inode,^has_journal"), ("ext4", "-b 4096 -N 512 -O ^has_journal") })
        {
            string image = folder.Sparse("ext.img", 12 * MiB);
            Tool.Shell($"mke2fs -q -F -t {type} {options} '{image}'");
            using (var mount = new LoopMount(image, type))
            {
                FileTree.Churn(mount.Path, 2 * MiB, seed: 1);
                for (int i = 0; i < 10; i++)
                    RawFiles.TrySetExtendedAttribute(Directory.GetFiles(mount.Path, "*", SearchOption.AllDirectories)[i], "user.test", new byte[30 * i]);
                RawFiles.SymbolicLink(new string('x', 300), mount.Path + "/long");
                using Microsoft.Win32.SafeHandles.SafeFileHandle sparse = RawFiles.Create(mount.Path + "/sparse");
                for (int i = 0; i < 100; i++)
                    RandomAccess.Write(sparse, new byte[] { 1 }, i * 100_000L);
            }
            using var whole = new PatchedVolume(File.ReadAllBytes(image));
            SeedVolume seed = SeedVolume.Capture(whole, recorded => TreeFuzz.Walk(new ExtReader(verifiesChecksums: false), recorded));
            for (int number = 0; number < 300; number++)
            {
                using var mutated = new MutatedVolume(seed, number);
                TreeFuzz.Walk(new ExtReader(verifiesChecksums: false), mutated);
            }
        }
    }

    private static void AssertSame(string mountPath, string image, OracleFields fields = OracleFields.Unix)
    {
        using var volume = new ImageFileReader(image);
        IFileTree tree = new ExtReader().OpenTree(volume, CancellationToken.None);
        Assert.Empty(tree.Notes);
        List<string> differences = TreeOracle.Differences(mountPath, tree, fields);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }
}
