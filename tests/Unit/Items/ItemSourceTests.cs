using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Ext;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.Items;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.Items;

/// <summary>Which file system of a damaged image is opened.</summary>
public sealed class ItemSourceTests
{
    private readonly byte[] _bytes = SeedImage.Load("files-ext4");

    [Fact]
    public void A_damage_at_the_mark_of_another_file_system_hides_no_files()
    {
        using var read = new SpottyVolume(_bytes);
        var reader = new ExtReader();
        Assert.NotNull(reader.Probe(read));
        IFileTree tree = reader.OpenTree(read, CancellationToken.None);
        Assert.NotEmpty(tree.List(tree.Root, CancellationToken.None));
        using var scanned = new SpottyVolume(_bytes);
        SignatureScan.Find(scanned);
        // What only the search looks at: a dozen other file systems have their marks there.
        long[] others = [.. scanned.Reads.Select(static range => range.OffsetBytes).Distinct().Where(at => !read.Reads.Exists(range => SpottyVolume.IsHit(at, range)))];
        Assert.NotEmpty(others);
        string[] whole = Names(badOffsetBytes: -1);
        foreach (long offsetBytes in others)
            Assert.Equal(whole, Names(offsetBytes));
    }

    [Fact]
    public void A_damage_of_its_own_mark_is_told_and_not_that_there_is_none() =>
        Assert.Equal(ErrorId.ItemUnreadable, Assert.Throws<ImageBackupException>(() => Names(1024)).Id);

    private string[] Names(long badOffsetBytes)
    {
        using var source = ItemSource.OpenVolume(new SpottyVolume(_bytes) { BadOffsetBytes = badOffsetBytes }, "/dev/spotty", CancellationToken.None);
        return [.. source.Tree.List(source.Tree.Root, CancellationToken.None).Select(static entry => entry.Name)];
    }

    /// <summary>A volume with one sector that cannot be read.</summary>
    private sealed class SpottyVolume(byte[] bytes) : IBlockReader
    {
        private readonly PatchedVolume _volume = new(bytes);

        public long BadOffsetBytes { get; init; } = -1;
        public List<ByteRange> Reads { get; } = [];
        public long LengthBytes => _volume.LengthBytes;
        public int SectorSizeBytes => 512;

        /// <summary>A read touches the sector of a byte.</summary>
        public static bool IsHit(long byteOffset, ByteRange read) => read.OffsetBytes < (byteOffset & -512) + 512 && read.EndBytes > (byteOffset & -512);

        public int ReadAt(long offsetBytes, Span<byte> buffer)
        {
            var range = new ByteRange(offsetBytes, buffer.Length);
            Reads.Add(range);
            return BadOffsetBytes >= 0 && IsHit(BadOffsetBytes, range)
                ? throw new BlockReadException(BadOffsetBytes, 512, "Scripted: a bad sector.")
                : _volume.ReadAt(offsetBytes, buffer);
        }

        public void Dispose() => _volume.Dispose();
    }
}
