using System;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.FileSystems.Xfs;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Xfs;

/// <summary>
/// A volume that was switched off: 40 files were on it; 60 others with attributes, a link, a device and a directory are in its log
/// alone, and so is the removal of 11 of the 40.
/// </summary>
public sealed class XfsLogReplayTests
{
    [Fact]
    public void Files_that_are_in_the_log_alone_are_shown_and_removed_ones_are_not()
    {
        using var volume = Open();
        IFileTree tree = new XfsReader().OpenTree(volume, CancellationToken.None);
        Assert.Empty(tree.Notes);
        Assert.Equal(["first", "long", "n"], Names(tree, tree.Root));
        FileTreeEntry first = Find(tree, tree.Root, "first"), below = Find(tree, first, "below");
        string[] expected =
        [
            .. Enumerable.Range(1, 40).Where(i => i != 1 && i / 10 != 1).Select(i => $"old-{i}"),
            .. Enumerable.Range(1, 60).Where(i => i != 7).Select(i => $"name-{i}"),
            "below",
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), Names(tree, first));
        Assert.Equal(["name-7"], Names(tree, below));
        Assert.Equal(new string('t', 600), tree.ReadLink(Find(tree, tree.Root, "long")));
        Assert.Equal((8U, 1U), Find(tree, tree.Root, "n").Device);
        FileTreeAttribute attribute = Assert.Single(tree.ListExtendedAttributes(Find(tree, below, "name-7")));
        Assert.Equal("user.n", attribute.Name);
        Assert.Equal("v7"u8.ToArray(), attribute.Value);
        Assert.Equal(2, Find(tree, below, "name-7").SizeBytes);
    }

    [Fact]
    public void A_log_that_cannot_be_replayed_is_told()
    {
        using var seed = Open();
        XfsSuperblock superblock = XfsSuperblock.Read(seed, verifiesChecksums: true);
        var log = new byte[superblock.LogLengthBytes];
        seed.ReadAt(superblock.LogOffsetBytes, log);
        // The magic number of a transaction, low byte first.
        int transaction = log.AsSpan().LastIndexOf("NART"u8);
        Assert.NotEqual(-1, transaction);
        using var damaged = new Damaged(seed, superblock.LogOffsetBytes + transaction);
        IFileTree tree = new XfsReader(verifiesChecksums: false).OpenTree(damaged, CancellationToken.None);
        Assert.Contains("the log was not replayed", Assert.Single(tree.Notes), StringComparison.Ordinal);
        Assert.Contains("has no header", tree.Notes[0], StringComparison.Ordinal);
    }

    private static SeedVolumeReader Open() =>
        new(SeedVolume.Load(Path.Combine(AppContext.BaseDirectory, "Fixtures", "FileSystems", "tree-xfs-dirty.seed")));

    private static string[] Names(IFileTree tree, FileTreeEntry directory) =>
        [.. tree.List(directory, CancellationToken.None).Select(entry => entry.Name).Order(StringComparer.Ordinal)];

    private static FileTreeEntry Find(IFileTree tree, FileTreeEntry directory, string name) =>
        tree.Find(directory, name, CancellationToken.None) ?? throw new FileNotFoundException(name);

    private sealed class Damaged(IBlockReader volume, long offsetBytes) : IBlockReader
    {
        public long LengthBytes => volume.LengthBytes;
        public int SectorSizeBytes => volume.SectorSizeBytes;

        public int ReadAt(long position, Span<byte> buffer)
        {
            int count = volume.ReadAt(position, buffer);
            if (offsetBytes >= position && offsetBytes < position + count)
                buffer[(int)(offsetBytes - position)] ^= 0xFF;
            return count;
        }

        public void Dispose()
        {
        }
    }
}
