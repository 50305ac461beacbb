using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.F2fs;
using ImageBackup.Engine.FileSystems.Xfs;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems;

/// <summary>
/// Metadata made to deceive, not damaged by chance: circles, structures that share a place, sizes near 2^63, and maps that lie
/// with counters that agree. Checksums are left out, as a forger would make them right.
/// </summary>
public sealed class HostileMetadataTests
{
    private const ulong Huge = long.MaxValue;

    private static PatchedReader Seed(string target, string name) =>
        new(new SeedVolumeReader(FuzzTargets.Seeds(FuzzTargets.All.Single(t => t.Name == target)).Single(seed => seed.Name == name).Seed));

    private static byte[] Big(ulong value, int bytes)
    {
        byte[] field = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(field, value);
        return field[^bytes..];
    }

    private static byte[] Little(ulong value, int bytes)
    {
        byte[] field = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(field, value);
        return field[..bytes];
    }

    private static string Refused(IFileSystemReader reader, IBlockReader volume)
    {
        reader.Probe(volume);
        return Assert.Throws<FileSystemFormatException>(() => reader.ReadUsedRanges(volume, CancellationToken.None)).Message;
    }

    private static UsedRangeMap Map(IFileSystemReader reader, IBlockReader volume) => reader.ReadUsedRanges(volume, CancellationToken.None);

    private static ByteRange FirstFree(UsedRangeMap map, long fromBytes)
    {
        for (int i = 1; i < map.Ranges.Count; i++)
        {
            if (map.Ranges[i - 1].EndBytes >= fromBytes)
                return new ByteRange(map.Ranges[i - 1].EndBytes, map.Ranges[i].OffsetBytes - map.Ranges[i - 1].EndBytes);
        }
        throw new InvalidOperationException("nothing is free");
    }

    // ext: superblock at 1,024; offsets of the kernel's documentation.
    [Theory]
    [InlineData(0x04, 0xFFFFFFFFu)] // Blocks, low.
    [InlineData(0x150, 0xFFFFFFFFu)] // Blocks, high: 2^63 and more.
    [InlineData(0x0C, 0xFFFFFFFFu)] // Free blocks.
    [InlineData(0x20, 0xFFFFFFFFu)] // Blocks in a group.
    [InlineData(0x28, 0xFFFFFFFFu)] // Inodes in a group.
    [InlineData(0x18, 0xFFFFFFFFu)] // Block size, as a shift.
    [InlineData(0xCE, 0xFFFFFFFFu)] // Reserved descriptor blocks.
    public void Ext_sizes_that_cannot_be(int offset, uint value)
    {
        using PatchedReader volume = Seed("ext-unchecked", "ext4-1k").Patch(1024 + offset, Little(value, 4));
        Refused(FuzzTargets.All.Single(t => t.Name == "ext-unchecked").Create(), volume);
    }

    [Fact]
    public void Ext_groups_that_share_a_bitmap()
    {
        using PatchedReader volume = Seed("ext-unchecked", "ext4-1k");
        // Descriptors follow the superblock's block; 64 bytes each with the 64bit feature. The second group takes the first one's bitmap,
        // and counts as free what that says, so that no counter of the group disagrees.
        byte[] first = volume.Read(2048, 64);
        volume.Patch(2048 + 64, first[..4]).Patch(2048 + 64 + 0xC, first[0xC..0xE]).Patch(2048 + 64 + 0x12, first[0x12..0x14]);
        Refused(FuzzTargets.All.Single(t => t.Name == "ext-unchecked").Create(), volume);
    }

    // xfs: high byte first, superblock at 0, AGF in the second sector.
    [Theory]
    [InlineData(8)] // Blocks.
    [InlineData(48)] // Where the log lies.
    [InlineData(56)] // The root directory's inode.
    [InlineData(144)] // Free blocks.
    public void Xfs_sizes_near_the_end_of_63_bits(int offset)
    {
        using PatchedReader volume = Seed("xfs-unchecked", "xfs-5").Patch(offset, Big(Huge, 8));
        Refused(new XfsReader(verifiesChecksums: false), volume);
    }

    [Fact]
    public void Xfs_trees_that_run_in_a_circle_or_share_a_block()
    {
        using PatchedReader volume = Seed("xfs-unchecked", "xfs-5");
        int sectorBytes = BinaryPrimitives.ReadUInt16BigEndian(volume.Read(102, 2));
        byte[] roots = volume.Read(sectorBytes + 16, 8);
        using PatchedReader shared = Seed("xfs-unchecked", "xfs-5").Patch(sectorBytes + 20, roots[..4]);
        Refused(new XfsReader(verifiesChecksums: false), shared);

        // A node at level 1 whose only child is itself.
        uint blockBytes = BinaryPrimitives.ReadUInt32BigEndian(volume.Read(4, 4));
        long root = BinaryPrimitives.ReadUInt32BigEndian(roots) * blockBytes;
        int capacity = (int)(blockBytes - 56) / 12;
        volume.Patch(sectorBytes + 28, Big(2, 4)).Patch(root + 4, Big(1, 2)).Patch(root + 6, Big(1, 2))
            .Patch(root + 56 + capacity * 8, roots[..4]);
        Refused(new XfsReader(verifiesChecksums: false), volume);
    }

    /// <summary>Trees, headers and superblock agree; only the root directory lies where they say nothing does.</summary>
    [Fact]
    public void Xfs_a_root_directory_in_free_space()
    {
        using PatchedReader volume = Seed("xfs-unchecked", "xfs-5");
        UsedRangeMap map = Map(new XfsReader(verifiesChecksums: false), volume);
        uint blockBytes = BinaryPrimitives.ReadUInt32BigEndian(volume.Read(4, 4));
        uint groupBlocks = BinaryPrimitives.ReadUInt32BigEndian(volume.Read(84, 4));
        long free = (FirstFree(map, 0).OffsetBytes + blockBytes - 1) / blockBytes;
        Assert.True(free < groupBlocks);
        volume.Patch(56, Big((ulong)free << volume.Read(123, 1)[0], 8));
        Assert.Contains("root directory", Refused(new XfsReader(verifiesChecksums: false), volume), StringComparison.Ordinal);
    }

    // btrfs: low byte first, superblock at 64 KiB.
    [Theory]
    [InlineData(0x50)] // Root tree.
    [InlineData(0x58)] // Chunk tree.
    [InlineData(0x60)] // Log tree.
    [InlineData(0x78)] // Used bytes.
    [InlineData(0xC9 + 8)] // The device's length.
    public void Btrfs_sizes_near_the_end_of_63_bits(int offset)
    {
        using PatchedReader volume = Seed("btrfs-unchecked", "btrfs-dup").Patch(65536 + offset, Little(Huge, 8));
        Refused(new BtrfsReader(verifiesChecksums: false), volume);
    }

    [Fact]
    public void Btrfs_a_tree_in_anothers_place()
    {
        using PatchedReader volume = Seed("btrfs-unchecked", "btrfs-dup");
        volume.Patch(65536 + 0x50, volume.Read(65536 + 0x58, 8));
        Refused(new BtrfsReader(verifiesChecksums: false), volume);
    }

    /// <summary>The record of a tree's node is moved to free space beside it: every sum stays right, and the node is called free.</summary>
    [Fact]
    public void Btrfs_an_extent_tree_that_calls_a_node_free()
    {
        SeedVolume seed = FuzzTargets.Seeds(FuzzTargets.All.Single(t => t.Name == "btrfs-unchecked")).Single(static s => s.Name == "btrfs-dup").Seed;
        using var inner = new SeedVolumeReader(seed);
        using var plain = new PatchedReader(inner);
        uint nodeBytes = BinaryPrimitives.ReadUInt32LittleEndian(plain.Read(65536 + 0x94, 4));
        var messages = new List<string>();
        foreach (int treeOffset in new[] { 0x50, 0x58 })
        {
            ulong node = BinaryPrimitives.ReadUInt64LittleEndian(plain.Read(65536 + treeOffset, 8));
            byte[] key = [.. Little(node, 8), 0xA9];
            List<long> places = [.. seed.Order.SelectMany(sector => Places(plain.Read(sector * 512, 520), key).Select(at => sector * 512 + at))];
            for (int step = -4; step <= 4; step++)
            {
                using var volume = new PatchedReader(new SeedVolumeReader(seed));
                foreach (long place in places)
                    volume.Patch(place, Little(node + (ulong)(step * nodeBytes), 8));
                try
                {
                    UsedRangeMap map = Map(new BtrfsReader(verifiesChecksums: false), volume);
                    Assert.Equal(0, step);
                    UsedRangeProof.AssertShape(map, volume.LengthBytes);
                }
                catch (FileSystemFormatException e)
                {
                    messages.Add(e.Message);
                }
            }
        }
        Assert.Contains(messages, static message => message.Contains("calls the tree node", StringComparison.Ordinal));
    }

    private static IEnumerable<int> Places(byte[] bytes, byte[] wanted)
    {
        for (int at = 0; at < 512 && at + wanted.Length <= bytes.Length; at++)
        {
            if (bytes.AsSpan(at, wanted.Length).SequenceEqual(wanted))
                yield return at;
        }
    }

    /// <summary>The table forgets a block of nodes, entry and bitmap alike; the checkpoint's count, which may be larger, does not object.</summary>
    [Fact]
    public void F2fs_a_table_that_forgets_a_node()
    {
        using var volume = new PatchedVolume(SeedImage.Load("f2fs"));
        UsedRangeMap map = Map(new F2fsReader(verifiesChecksums: false), volume);
        F2fsSuperblock superblock = F2fsSuperblock.TryRead(volume)!;
        // Wherever the entry is kept, in the table's copies or the checkpoint's journal: count and type, then the bitmap.
        int changed = 0;
        byte[] bytes = volume.Read(0, checked((int)Math.Min(volume.LengthBytes, superblock.MainBlock * 4096L)));
        for (int at = 0; at + F2fsSit.EntryBytes <= bytes.Length; at++)
        {
            int field = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at));
            int count = field & 0x3FF;
            if (field >> 10 is < 3 or > 5 || count is 0 or > 512
                || bytes.AsSpan(at + 2, 64).ToArray().Sum(static part => BitOperations.PopCount(part)) != count)
                continue;
            int used = at + 2 + Array.FindIndex(bytes.AsSpan(at + 2, 64).ToArray(), static part => part != 0);
            volume.Patch(at, Little((ulong)(field - 1), 2));
            volume.Patch(used, (byte)(bytes[used] & (bytes[used] - 1)));
            changed++;
        }
        Assert.InRange(changed, 1, 1000);
        Assert.InRange(map.UsedBytes, 1, volume.LengthBytes);
        Assert.Contains("nodes", Refused(new F2fsReader(verifiesChecksums: false), volume), StringComparison.Ordinal);
    }

    // Boot sectors: sizes of which no volume is.
    [Theory]
    [InlineData("ntfs", 0x28, 8)]
    [InlineData("exfat", 72, 8)]
    [InlineData("exfat", 92, 4)]
    [InlineData("exfat", 88, 4)]
    [InlineData("fat32", 32, 4)]
    [InlineData("fat32", 36, 4)]
    [InlineData("fat32", 44, 4)]
    public void Boot_sectors_with_sizes_that_cannot_be(string name, int offset, int bytes)
    {
        using var volume = new PatchedVolume(SeedImage.Load(name));
        volume.Patch(offset, Little(Huge, bytes));
        // exFAT has its boot region twice.
        if (name == "exfat")
            volume.Patch(12 * 512 + offset, Little(Huge, bytes));
        foreach (FuzzTargets.Target target in FuzzTargets.All.Where(t => t.SeedPrefix.Length > 0 && name.StartsWith(t.SeedPrefix, StringComparison.Ordinal)))
            Refused(target.Create(), volume);
    }

    /// <summary>A chain whose last cluster leads to its first: the table agrees with itself, and reading ends.</summary>
    [Fact]
    public void Fat_chains_in_a_circle_end()
    {
        byte[] bytes = SeedImage.Load("fat32");
        int fat = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(14)) * 512;
        int length = (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(36)) * 512;
        for (int copy = 0; copy < bytes[16]; copy++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(fat + copy * length + 8), 2);
        using var volume = new PatchedVolume(bytes);
        IFileSystemReader reader = FuzzTargets.All.Single(t => t.Name == "fat").Create();
        Assert.Equal("vfat", reader.Probe(volume)!.Type);
        UsedRangeProof.AssertShape(Map(reader, volume), volume.LengthBytes);
    }

    [Theory]
    [InlineData(1024 + 4, uint.MaxValue)]
    [InlineData(1024 + 4, 0u)]
    [InlineData(1024, 2u)]
    public void Swap_with_pages_that_are_not_there(int offset, uint value)
    {
        using PatchedReader volume = Seed("swap", "swap").Patch(offset, Little(value, 4));
        Refused(FuzzTargets.All.Single(t => t.Name == "swap").Create(), volume);
    }
}
