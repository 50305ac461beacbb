using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup;

public sealed class BackupJobTests : IDisposable
{
    private const int Chunk = JobRig.ChunkBytes;

    private readonly JobRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(4096)]
    [InlineData(Chunk - 1)]
    [InlineData(Chunk)]
    [InlineData(Chunk + 1)]
    [InlineData(5 * Chunk + 12345)]
    [InlineData(1 << 20)]
    public void Any_size_goes_there_and_back(int lengthBytes)
    {
        byte[] content = SeededBytes.Make(1, lengthBytes);
        _rig.Volumes.Add("/mem/a", content);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        Assert.Equal(lengthBytes, image.SizeBytes);
        Assert.Equal((lengthBytes + Chunk - 1) / Chunk, image.ChunkCount);
        _rig.AssertRestores(image.Id, content);
        Assert.True(_rig.Verify(image.Id).IsWhole);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void A_volume_of_0_bytes_is_refused()
    {
        _rig.Volumes.Add("/mem/a", []);
        JobRig.AssertFails(ErrorId.VolumeEmpty, () => _rig.Backup("/mem/a"));
        Assert.Equal(0, _rig.SnapshotCount);
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("0", 100)]
    [InlineData("00000000", 0)]
    [InlineData("0a0", 0)]
    [InlineData("0a", 0)]
    [InlineData("a0", 0)]
    [InlineData("a0", 1)]
    [InlineData("00ab00cd00", 5000)]
    public void Zero_chunks_anywhere(string pattern, int tailBytes)
    {
        byte[] content = JobRig.Content(pattern, tailBytes);
        _rig.Volumes.Add("/mem/a", content);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        Assert.Equal(pattern.Count(c => c == '0'), image.ZeroChunkCount);
        Assert.Equal(pattern.Count(c => c != '0') + (tailBytes > 0 ? 1 : 0), image.NewChunkCount);
        _rig.AssertRestores(image.Id, content);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_volume_of_zeros_with_a_short_last_chunk_costs_next_to_nothing(bool isSparse)
    {
        byte[] content = new byte[200 * Chunk + 777];
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", content);
        if (isSparse)
            volume.Data = [];
        ImageBackupInfo image = _rig.Backup("/mem/a");
        Assert.Equal((201L, 0L), (image.ZeroChunkCount, image.NewChunkCount));
        Assert.InRange(image.StoredBytes!.Value, 1, 10_000);
        // Behind what the probe for file systems looks at.
        Assert.Equal(isSparse ? 0 : 100, volume.Reads.Count(r => r.LengthBytes == Chunk && r.OffsetBytes >= 100 * Chunk));
        _rig.AssertRestores(image.Id, content);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void Holes_are_not_read()
    {
        byte[] content = JobRig.Content("00a00b00", 99);
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", content);
        volume.Data = [new(2 * Chunk, Chunk), new(5 * Chunk + 10, 20), new(8L * Chunk, 99)];
        // What a hole hides is zeros, so the double's content outside the data must be.
        Array.Clear(content, 5 * Chunk, 10);
        Array.Clear(content, 5 * Chunk + 30, Chunk - 30);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        Assert.Equal(6, image.ZeroChunkCount);
        // The first chunk is what the probe for file systems looks at.
        Assert.Equal([2L * Chunk, 5L * Chunk, 8L * Chunk], volume.Reads.Where(r => r is { LengthBytes: Chunk or 99, OffsetBytes: >= Chunk }).Select(r => r.OffsetBytes).Order());
        _rig.AssertRestores(image.Id, content);
    }

    [Fact]
    public void What_is_there_already_is_not_stored_again()
    {
        byte[] content = JobRig.Content("abcdaabbccdd0ab0");
        _rig.Volumes.Add("/mem/a", content);
        _rig.Volumes.Add("/mem/b", JobRig.Content("0dcbax"));
        ImageBackupInfo first = _rig.Backup("/mem/a");
        Assert.Equal((4L, 2L, 16L), (first.NewChunkCount, first.ZeroChunkCount, first.ChunkCount));
        Assert.InRange(first.StoredBytes!.Value, 4 * Chunk, 5 * Chunk);

        ImageBackupInfo again = _rig.Backup("/mem/a");
        Assert.Equal(0, again.NewChunkCount);
        Assert.InRange(again.StoredBytes!.Value, 1, 10_000);

        ImageBackupInfo other = _rig.Backup("/mem/b");
        Assert.Equal(1, other.NewChunkCount);
        Assert.InRange(other.StoredBytes!.Value, Chunk, 2 * Chunk);
        _rig.AssertRestores(first.Id, content);
        _rig.AssertRestores(again.Id, content);
        _rig.AssertRestores(other.Id, JobRig.Content("0dcbax"));
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Theory]
    [InlineData(64 << 10)]
    [InlineData(128 << 10)]
    [InlineData(1 << 20)]
    [InlineData(4 << 20)]
    [InlineData(null)]
    public void Every_chunk_size(int? chunkSize)
    {
        byte[] content = SeededBytes.Make(3, (9 << 20) + 1);
        _rig.Volumes.Add("/mem/a", content);
        ImageBackupInfo image = _rig.Backup("/mem/a", r => r with { ChunkSizeBytes = chunkSize });
        Assert.Equal(chunkSize ?? 256 << 10, image.ChunkSizeBytes);
        _rig.AssertRestores(image.Id, content);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(8 << 20)]
    public void An_impossible_chunk_size_stops_before_anything(int chunkSize)
    {
        _rig.Volumes.Add("/mem/a", new byte[100]);
        JobRig.AssertFails(ErrorId.ParameterInvalid, () => _rig.Backup("/mem/a", r => r with { ChunkSizeBytes = chunkSize }));
        Assert.Empty(_rig.Volumes.Opened);
    }

    [Fact]
    public void Chunks_that_do_not_compress_and_chunks_that_do()
    {
        byte[] content = new byte[6 * Chunk];
        SeededBytes.Make(1, 2 * Chunk).CopyTo(content, 0);
        Array.Fill(content, (byte)'x', 2 * Chunk, 2 * Chunk);
        content[4 * Chunk + 5] = 1;
        _rig.Volumes.Add("/mem/a", content);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        // Two random ones, one of x (twice), one of a single bit, and a zero chunk.
        Assert.Equal((4L, 1L), (image.NewChunkCount, image.ZeroChunkCount));
        Assert.InRange(image.StoredBytes!.Value, 2 * Chunk, 2 * Chunk + 10_000);
        _rig.AssertRestores(image.Id, content);
    }

    [Fact]
    public void Several_packs_and_workers()
    {
        byte[] content = SeededBytes.Make(5, 40 << 20);
        _rig.Volumes.Add("/mem/a", content);
        ImageBackupInfo image = _rig.Backup("/mem/a", r => r with { ThrottleLimit = 4, ChunkSizeBytes = 256 << 10 });
        Assert.Equal(160, image.NewChunkCount);
        Assert.InRange(_rig.Memory.Names(StoredKind.Pack).Length, 3, 8);
        Assert.All(_rig.Memory.List(StoredKind.Pack), p => Assert.InRange(p.LengthBytes, 1, (16 << 20) + (1 << 20)));
        _rig.AssertRestores(image.Id, content);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void A_mounted_volume_taken_as_it_is_is_said_to_be_fuzzy()
    {
        _rig.Volumes.Add("/mem/a", new byte[100], d => d with { MountPoints = ["/mnt/a"] });
        ImageBackupInfo image = _rig.Backup("/mem/a", r => r with { ImageType = ImageType.Dynamic });
        Assert.Equal((ImageType.Dynamic, true, ImageType.Dynamic), (image.ImageType, image.IsFuzzy, image.RequestedImageType));
        Assert.Contains("fuzzy", Assert.Single(OtherWarnings.OtherWarningsOf(image)), StringComparison.Ordinal);
        Assert.Equal([("/mem/a", VolumeOpenMode.Shared)], _rig.Volumes.Opened);
        RestoreResult restored = _rig.Restore(image.Id, _rig.File("out"));
        Assert.Contains(restored.Warnings, w => w.Contains("fuzzy", StringComparison.Ordinal));
    }

    [Fact]
    public void An_unmounted_volume_is_static_under_an_exclusive_open()
    {
        _rig.Volumes.Add("/mem/a", new byte[100]);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        Assert.Equal((ImageType.Static, false), (image.ImageType, image.IsFuzzy));
        Assert.Empty(OtherWarnings.OtherWarningsOf(image));
        Assert.Equal([("/mem/a", VolumeOpenMode.Exclusive)], _rig.Volumes.Opened);
        Assert.Equal(ImageType.Dynamic, _rig.Backup("/mem/a", r => r with { ImageType = ImageType.Dynamic }).ImageType);
    }

    [Fact]
    public void What_was_asked_is_recorded()
    {
        _rig.Volumes.Add("/mem/a", new byte[100], d => d with { SectorSizeBytes = 4096, PhysicalSectorSizeBytes = 4096 });
        ImageBackupInfo image = _rig.Backup("/mem/a", r => r with { Tags = ["weekly", "imagebackup", "x", "x"], ComputerName = "elsewhere", ImageType = ImageType.Static });
        ImageBackupInfo listed = Assert.Single(new ImageCatalog(_rig.Repository).List(new ImageFilter(), null, CancellationToken.None));
        foreach (ImageBackupInfo info in new[] { image, listed })
        {
            Assert.Equal(["weekly", "x"], info.Tags);
            Assert.Equal(("elsewhere", "/mem/a", 4096, true), (info.ComputerName, info.Volume, info.SectorSizeBytes, info.IsOurs));
            Assert.Equal(ImageType.Static, info.RequestedImageType);
            Assert.StartsWith("ImageBackup ", info.ProgramVersion, StringComparison.Ordinal);
        }
        Assert.Empty(listed.Omitted);
        Assert.Equal(WithoutLists(image), WithoutLists(listed));

        // Only a listing judges expiry, and only the backup knows what it read and how long its parts took.
        static ImageBackupInfo WithoutLists(ImageBackupInfo info) => info with
        {
            IsFirst = false, KeptBy = [], ExpiryReason = null, RetentionSource = null, ReadBytes = null, ChangedBytes = null, PreparationTime = null, CopyTime = null, RecordTime = null, Tags = [], ReadErrors = [], Warnings = [], Omitted = [], Options = [],
        };
    }

    [Fact]
    public void A_read_error_ends_it_with_the_offset()
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", JobRig.Content("abcdefgh"));
        const long bad = 5 * Chunk + 1024;
        volume.OnRead = (offset, length) =>
        {
            if (offset <= bad && bad < offset + length)
                throw new BlockReadException(bad, 512, "bad sector");
        };
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Backup("/mem/a"));
        Assert.Equal(ErrorId.ReadFailed, e.Id);
        Assert.Contains($"{bad}", e.Message, StringComparison.Ordinal);
        AssertNothingLeft(volume);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7 * Chunk)]
    [InlineData(9 * Chunk)]
    public void A_volume_that_changes_its_length_gives_no_image(long lengthLater)
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", JobRig.Content("abcdefgh"));
        volume.LengthLater = lengthLater;
        JobRig.AssertFails(ErrorId.VolumeChanged, () => _rig.Backup("/mem/a"));
        AssertNothingLeft(volume);
    }

    [Fact]
    public void A_volume_that_ends_early_gives_no_image()
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", JobRig.Content("abcdefgh"));
        volume.OnRead = (offset, _) =>
        {
            if (offset == 3 * Chunk)
                volume.Content = volume.Content[..(4 * Chunk - 10)];
        };
        JobRig.AssertFails(ErrorId.VolumeChanged, () => _rig.Backup("/mem/a"));
        AssertNothingLeft(volume);
    }

    [Fact]
    public void Progress_ends_at_the_whole()
    {
        _rig.Volumes.Add("/mem/a", JobRig.Content("a0b0c", 77));
        var seen = new List<JobProgress>();
        _rig.Backup("/mem/a", progress: new Collecting(seen));
        JobProgress last = seen[^1];
        Assert.Equal((5L * Chunk + 77, 5L * Chunk + 77, 100), (last.DoneBytes, last.TotalBytes, last.Percent));
        Assert.True(last.StoredBytes >= 3 * Chunk);
    }

    /// <summary>The zero chunk of one length is stored once; a volume's last chunk has another length.</summary>
    [Fact]
    public void The_zero_chunk_is_one_blob_of_its_length()
    {
        _rig.Volumes.Add("/mem/a", new byte[10 * Chunk + 5]);
        _rig.Backup("/mem/a");
        BlobIndex index = _rig.Repository.LoadIndex(CancellationToken.None);
        var zeros = new ZeroBlobs();
        Assert.True(index.TryFind(zeros.Id(Chunk), BlobType.Data, out BlobLocation whole));
        Assert.True(index.TryFind(zeros.Id(5), BlobType.Data, out BlobLocation tail));
        Assert.Equal((Chunk, 5), ((int)whole.ContentLengthBytes, (int)tail.ContentLengthBytes));
        Assert.True(zeros.IsZero(BlobId.Of(new byte[5]), 5));
        Assert.False(zeros.IsZero(BlobId.Of(new byte[5]), 6));
    }

    private void AssertNothingLeft(MemoryVolume volume)
    {
        Assert.Equal(0, _rig.SnapshotCount);
        Assert.Equal(0, volume.OpenCount);
        Assert.Equal(0, _rig.Memory.OpenUploadCount);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    private sealed class Collecting(List<JobProgress> seen) : IProgress<JobProgress>
    {
        public void Report(JobProgress value)
        {
            lock (seen)
                seen.Add(value);
        }
    }
}
