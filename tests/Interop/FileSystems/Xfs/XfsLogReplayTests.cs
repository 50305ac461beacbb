using System;
using System.Buffers.Binary;
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

/// <summary>Volumes of XFS whose log was not replayed, against the kernel, which replays that of a copy.</summary>
public sealed class XfsLogReplayTests
{
    private const long MiB = 1 << 20;
    private const int LogBlockBytes = 512;

    [Theory]
    [InlineData("", 1)]
    [InlineData("-i nrext64=1", 1)]
    [InlineData("-b size=1024 -n size=8192 -m rmapbt=1,bigtime=0", 1)]
    [InlineData("-i size=2048 -l size=64m,su=256k", 1)]
    // The log has gone round: its last records are of another round than its first.
    [InlineData("--unsupported -l size=8m", 6)]
    public void TheTreeIsTheOneThatTheKernelReplays(string options, int rounds)
    {
        Tool.Require("mkfs.xfs", "xfs_io", "losetup", "mount", "setfattr");
        using var folder = new TestFolder();
        string image = MakeDirty(folder, options, rounds);
        AssertLikeTheKernel(image, rounds == 1);
    }

    /// <summary>What a cut of the power does: the last record is not whole, the one before ends the log.</summary>
    [Theory]
    [InlineData("bytes that did not arrive", false)]
    [InlineData("blocks that did not arrive", true)]
    public void ATornRecordEndsTheLogAsTheKernelSays(string damage, bool isMissing)
    {
        Assert.NotEmpty(damage);
        Tool.Require("mkfs.xfs", "xfs_io", "losetup", "mount", "setfattr");
        using var folder = new TestFolder();
        string image = MakeDirty(folder, "", 1);
        using (FileStream stream = new(image, FileMode.Open, FileAccess.ReadWrite))
        {
            long record = LastRecord(stream, out int blockCount);
            Assert.True(blockCount > 2, "The last record is too short to be torn.");
            stream.Position = record + (blockCount / 2 + 1) * LogBlockBytes;
            var block = new byte[LogBlockBytes];
            stream.ReadExactly(block);
            block.AsSpan(isMissing ? 0 : 4).Clear();
            stream.Position -= LogBlockBytes;
            stream.Write(block);
        }
        AssertLikeTheKernel(image, hasPremise: false);
    }

    [Fact]
    public void ALogThatCannotBeReplayedIsToldAndTheFilesAreShownAsTheyLie()
    {
        Tool.Require("mkfs.xfs", "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 400 * MiB), log = folder.Sparse("log.img", 100 * MiB);
        Tool.Shell($"mkfs.xfs -q -f -l logdev='{log}',size=64m '{image}'");
        string device = Tool.Shell($"losetup -f --show '{log}'").Trim();
        try
        {
            using var mount = new LoopMount(image, "xfs", $"rw,logdev={device}");
            File.WriteAllText(mount.Path + "/file", "content");
            Tool.Run("sync", "-f", mount.Path);
        }
        finally
        {
            Tool.TryRun("losetup", "-d", device);
        }
        using var reader = new ImageFileReader(image);
        IFileTree tree = new XfsReader().OpenTree(reader, CancellationToken.None);
        Assert.Contains("the log lies on another device", Assert.Single(tree.Notes), StringComparison.Ordinal);
        Assert.Equal("file", Assert.Single(tree.List(tree.Root, CancellationToken.None)).Name);
    }

    [Fact]
    public void OfARealtimeSectionTheOtherFilesAreRead()
    {
        Tool.Require("mkfs.xfs");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 400 * MiB), other = folder.Sparse("rt.img", 400 * MiB), source = folder.File("source"), list = folder.File("list");
        File.WriteAllText(source, "content");
        File.WriteAllLines(list, ["/boot", "0 0", "d--755 0 0", $"file ---644 0 0 {source}", "$"]);
        Tool.Shell($"mkfs.xfs -q -f -m reflink=0 -r rtdev='{other}' -p '{list}' '{image}'");
        using var reader = new ImageFileReader(image);
        IFileTree tree = new XfsReader().OpenTree(reader, CancellationToken.None);
        Assert.Contains("realtime", Assert.Single(tree.Notes), StringComparison.Ordinal);
        using ISparseBlockReader content = tree.OpenData(tree.Find(tree.Root, "file", CancellationToken.None)!);
        var bytes = new byte[7];
        Assert.Equal(7, content.ReadAt(0, bytes));
        Assert.Equal("content"u8.ToArray(), bytes);
    }

    // With IMAGEBACKUP_WRITE_SEEDS: the seed of FuzzedTreeTests.
    [Fact]
    public void TheSeedOfTheFuzzerIsWritten()
    {
        TreeSeed.Require("mkfs.xfs", "xfs_io", "setfattr");
        using var folder = new TestFolder();
        string image = folder.Sparse("xfs.img", 320 * MiB);
        Tool.Shell($"mkfs.xfs -q -b size=1024 -d agcount=2 '{image}'");
        using (var mount = new LoopMount(image, "xfs", "rw,noatime"))
        {
            Directory.CreateDirectory(mount.Path + "/first");
            Tool.Shell($"cd '{mount.Path}'; for i in $(seq 40); do echo $i > first/old-$i; done; sync -f .; for i in $(seq 60); do echo $i > first/name-$i; setfattr -n user.n -v v$i first/name-$i; done; rm first/old-1*; "
                + $"ln -s {new string('t', 600)} long; mknod n b 8 1; mkdir first/below; mv first/name-7 first/below; xfs_io -c fsync first/below/name-7");
            ShutDown(mount.Path);
        }
        using var reader = new ImageFileReader(image);
        TreeSeed.Write("xfs-dirty", new XfsReader(), reader);
    }

    private static string MakeDirty(TestFolder folder, string options, int rounds)
    {
        string image = folder.Sparse("xfs.img", 500 * MiB);
        Tool.Shell($"mkfs.xfs -q -f {options} '{image}'");
        using var mount = new LoopMount(image, "xfs", "rw,noatime");
        NastyTree.Build(mount.Path, NastyCases.All, bigDirectoryCount: 2500);
        for (int round = 0; round < rounds; round++)
        {
            Tool.Run("sync", "-f", mount.Path);
            Change(mount.Path, round);
        }
        ShutDown(mount.Path);
        return image;
    }

    // Everything that a log has: new, changed and freed inodes, directories in each form, attributes, links, trees of extents,
    // blocks that were structures and are content.
    private static void Change(string root, int round)
    {
        string all = $"{root}/changed {round}";
        Directory.CreateDirectory(all + "/sub");
        for (int i = 0; i < 1500; i++)
        {
            File.WriteAllBytes($"{all}/file {i}", new byte[i % 7 * 700]);
            if (i % 5 == 0)
                File.CreateSymbolicLink($"{all}/link {i}", new string('t', 1 + i % 1000));
        }
        for (int i = 0; i < 1500; i += 3)
            File.Delete($"{all}/file {i}");
        for (int i = 1; i < 1500; i += 30)
            File.Move($"{all}/file {i}", $"{all}/sub/moved {i}");
        for (int i = 0; i < 40; i++)
            Directory.CreateDirectory($"{all}/sub/d{i}/deeper");
        for (int i = 0; i < 40; i += 2)
            Directory.Delete($"{all}/sub/d{i}", recursive: true);
        Tool.Shell($"cd '{all}'; touch many; for i in $(seq 150); do setfattr -n user.attribute-with-a-long-name-$i -v value-that-is-long-enough-$i many; done; "
            + "mknod n c 5 1; mkfifo p; ln 'file 2' sub/twin; chmod 4711 'file 4'; chown 77:88 'file 5'; truncate -s 100000 'file 7'");
        if (round > 0)
            Directory.Delete($"{root}/changed {round - 1}", recursive: true);
        var bytes = new byte[3 * MiB];
        new Random(round).NextBytes(bytes);
        using FileStream comb = File.Create(all + "/comb");
        comb.Write(bytes);
        comb.Flush(flushToDisk: true);
        FileHoles.PunchEveryOther(comb, 4096, bytes.Length);
        using FileStream small = File.Create(all + "/durable");
        small.Write(bytes, 0, 100_000);
        small.Flush(flushToDisk: true);
    }

    // The log is written to its end, and nothing else any more.
    private static void ShutDown(string mountPath) => Tool.Run("xfs_io", "-x", "-c", "shutdown -f", mountPath);

    private static void AssertLikeTheKernel(string image, bool hasPremise)
    {
        string copy = image + ".copy";
        Tool.Run("cp", "--sparse=always", image, copy);
        using var reader = new ImageFileReader(image);
        IFileTree tree = new XfsReader().OpenTree(reader, CancellationToken.None);
        Assert.Empty(tree.Notes);
        using var mount = new LoopMount(copy, "xfs", "rw,noatime");
        List<string> differences = TreeOracle.Differences(mount.Path, tree);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        if (!hasPremise)
            return;
        // Without the log the same volume shows other files: the test's premise.
        var asItLies = new XfsFileTree(new XfsVolume(reader, new MetadataCache(reader), XfsSuperblock.Read(reader, verifiesChecksums: true)), ["not replayed"]);
        Assert.NotEmpty(TreeOracle.Differences(mount.Path, asItLies));
    }

    // By the magic numbers: the record with the highest place in the log.
    private static long LastRecord(FileStream stream, out int blockCount)
    {
        XfsSuperblock superblock;
        using (var reader = new ImageFileReader(stream.Name))
            superblock = XfsSuperblock.Read(reader, verifiesChecksums: true);
        var log = new byte[superblock.LogLengthBytes];
        stream.Position = superblock.LogOffsetBytes;
        stream.ReadExactly(log);
        (ulong lsn, int at) = Enumerable.Range(0, log.Length / LogBlockBytes).Select(block => block * LogBlockBytes)
            .Where(offset => BinaryPrimitives.ReadUInt32BigEndian(log.AsSpan(offset)) == 0xFEEDBABE)
            .Select(offset => (BinaryPrimitives.ReadUInt64BigEndian(log.AsSpan(offset + 16)), offset)).Max();
        Assert.NotEqual(0UL, lsn);
        blockCount = 1 + (BinaryPrimitives.ReadInt32BigEndian(log.AsSpan(at + 12)) + LogBlockBytes - 1) / LogBlockBytes;
        return superblock.LogOffsetBytes + at;
    }
}
