using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.FileSystems.Xfs;
using ImageBackup.Tests.Interop.FileSystems.Trees;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Xfs;

/// <summary>Directories and files of XFS against the kernel, which writes and reads them.</summary>
public sealed class XfsTreeTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData("-i nrext64=1", 512)]
    [InlineData("-b size=1024 -i size=512 -n size=4096 -m bigtime=0", 512)]
    [InlineData("-s size=4096 -i size=2048 -n size=65536", 4096)]
    public void TheTreeIsTheKernels(string options, int sectorSizeBytes)
    {
        Tool.Require("mkfs.xfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 2000 * MiB);
        Tool.Shell($"mkfs.xfs -q -f {options} '{image}'");
        using (var mount = new LoopMount(image, "xfs", "rw,noatime", sectorSizeBytes))
        {
            NastyTree.Build(mount.Path, NastyCases.All, bigDirectoryCount: 2500);
            // A fork of attributes that is a tree, and one of extents that is.
            Tool.Shell($"cd '{mount.Path}'; touch many; for i in $(seq 400); do setfattr -n user.attribute-with-a-long-name-$i -v value-that-is-long-enough-$i many; done; sync");
            using FileStream comb = File.Create(mount.Path + "/comb");
            var bytes = new byte[6 * MiB];
            new Random(9).NextBytes(bytes);
            comb.Write(bytes);
            comb.Flush(flushToDisk: true);
            FileHoles.PunchEveryOther(comb, 4096, bytes.Length);
        }
        using var reader = new ImageFileReader(image, sectorSizeBytes);
        IFileTree tree = new XfsReader().OpenTree(reader, CancellationToken.None);
        Assert.Empty(tree.Notes);
        using var again = new LoopMount(image, "xfs", "ro,noatime", sectorSizeBytes);
        List<string> differences = TreeOracle.Differences(again.Path, tree);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    /// <summary>The hashes alone, without the search that steps in if they are damaged: every name that is there, and none that was removed.</summary>
    [Theory]
    [InlineData("-n size=4096", 300)]
    [InlineData("-n size=4096", 12_000)]
    [InlineData("-b size=1024 -n size=4096", 12_000)]
    public void ANameIsFoundByItsHash(string options, int count)
    {
        Tool.Require("mkfs.xfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 320 * MiB);
        Tool.Shell($"mkfs.xfs -q -f {options} '{image}'");
        using (var mount = new LoopMount(image, "xfs", "rw,noatime"))
        {
            for (int i = 0; i < count; i++)
                File.Create($"{mount.Path}/n{i} {new string('x', i % 40)}").Dispose();
            for (int i = 0; i < count; i += 3)
                File.Delete($"{mount.Path}/n{i} {new string('x', i % 40)}");
        }
        using var reader = new ImageFileReader(image);
        var xfs = new XfsVolume(reader, new MetadataCache(reader), XfsSuperblock.Read(reader, verifiesChecksums: true));
        XfsInode root = xfs.ReadInode(xfs.Superblock.RootInode);
        Assert.True(XfsNameHashes.Has(xfs, root));
        var names = XfsDirectory.List(xfs, root, CancellationToken.None).ToDictionary(name => name.Name);
        Assert.Equal(count - (count + 2) / 3, names.Count);
        for (int i = 0; i < count; i++)
        {
            string name = $"n{i} {new string('x', i % 40)}";
            Assert.Equal(i % 3 == 0 ? null : names[name], XfsNameHashes.Find(xfs, root, UnixFileName.Encode(name)));
        }
    }

    // Today's kernels do not mount version 4 any more: mkfs fills it from a list, and what it was given is the oracle.
    [Theory]
    [InlineData("-m crc=0 -n ftype=0 -i size=256")]
    [InlineData("-m crc=0 -n ftype=1 -i size=512 -b size=1024")]
    public void ATreeOfVersion4IsWhatMkfsWasGiven(string options)
    {
        Tool.Require("mkfs.xfs");
        using var folder = new TestFolder();
        string source = folder.Path + "/source", list = folder.Path + "/list", image = folder.Sparse("xfs.img", 400 * MiB);
        Directory.CreateDirectory(source + "/big");
        Directory.CreateDirectory(source + "/small/empty");
        foreach (int length in new[] { 0, 1, 4096, 100_001 })
            File.WriteAllBytes($"{source}/small/{length}", SeededBytes(length));
        for (int i = 0; i < 700; i++)
            File.WriteAllText($"{source}/big/a name of some length {i}".Replace(' ', '-'), i % 50 == 0 ? "x" : "");
        foreach (int length in new[] { 10, 200, 1000 })
            File.CreateSymbolicLink($"{source}/link{length}", new string('t', length));
        var lines = new List<string> { "/boot", "0 0", "d--755 0 0" };
        void AddAll(string directory)
        {
            foreach (string path in Directory.GetFileSystemEntries(directory).Order(StringComparer.Ordinal))
            {
                var info = new FileInfo(path);
                if (info.LinkTarget is { } target)
                {
                    lines.Add($"{info.Name} l--777 0 0 {target}");
                }
                else if (File.Exists(path))
                {
                    lines.Add($"{info.Name} ---644 0 0 {path}");
                }
                else
                {
                    lines.Add($"{info.Name} d--755 0 0");
                    AddAll(path);
                }
            }
            lines.Add("$");
        }
        AddAll(source);
        File.WriteAllLines(list, lines);
        Tool.Shell($"mkfs.xfs -q -f {options} -p '{list}' '{image}'");
        using var reader = new ImageFileReader(image);
        IFileTree tree = new XfsReader().OpenTree(reader, CancellationToken.None);
        List<string> differences = TreeOracle.Differences(source, tree, OracleFields.Always);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.Equal(4, tree.Root.LinkCount);
    }

    private static byte[] SeededBytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    // With IMAGEBACKUP_WRITE_SEEDS: the seed of FuzzedTreeTests.
    [Fact]
    public void TheSeedOfTheFuzzerIsWritten()
    {
        TreeSeed.Require("mkfs.xfs", "setfattr");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 320 * MiB);
        Tool.Shell($"mkfs.xfs -q -b size=1024 -d agcount=2 '{image}'");
        using (var mount = new LoopMount(image, "xfs", "rw,noatime"))
        {
            TreeSeed.Fill(mount.Path);
            Tool.Shell($"cd '{mount.Path}'; mkdir d; for i in $(seq 60); do echo $i > d/name-$i; setfattr -n user.name-$i -v value-$i d; done; ln -s target l; ln -s {new string('t', 600)} long; mknod n b 8 1; "
                + $"setfattr -n user.large -v {new string('v', 5000)} l-none 2> /dev/null || setfattr -n user.large -v {new string('v', 5000)} d/name-1");
            using FileStream comb = File.Create(mount.Path + "/comb");
            comb.Write(Enumerable.Range(0, (int)MiB / 2).Select(i => (byte)(i >> 10)).ToArray());
            comb.Flush(flushToDisk: true);
            FileHoles.PunchEveryOther(comb, 1024, (int)MiB / 2);
        }
        using var reader = new ImageFileReader(image);
        TreeSeed.Write("xfs", new XfsReader(), reader);
    }
}
