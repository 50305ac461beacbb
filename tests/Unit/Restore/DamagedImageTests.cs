using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Restore;

/// <summary>Images with missing or corrupt chunks: what is got out of them, who is told, and how they become whole again.</summary>
public sealed class DamagedImageTests : IDisposable
{
    private const string Name = "/mem/a";

    private readonly JobRig _rig = new();
    private readonly byte[] _content = JobRig.Content("abcd0ef", 777);
    private readonly string _id;

    public DamagedImageTests()
    {
        _rig.Volumes.Add(Name, _content);
        _id = Backup(Name).Id;
    }

    public void Dispose() => _rig.Dispose();

    private ImageBackupInfo Backup(string name) => _rig.Backup(name, r => r with { ThrottleLimit = 1 });

    private string PackOf(int chunk)
    {
        int length = Math.Min(JobRig.ChunkBytes, _content.Length - chunk * JobRig.ChunkBytes);
        BlobId id = BlobId.Of(_content.AsSpan(chunk * JobRig.ChunkBytes, length));
        Assert.True(_rig.Repository.LoadIndex(CancellationToken.None).TryFind(id, BlobType.Data, out BlobLocation location));
        return location.PackId.ToString();
    }

    private BlobLocation LocationOf(int chunk)
    {
        int length = Math.Min(JobRig.ChunkBytes, _content.Length - chunk * JobRig.ChunkBytes);
        Assert.True(_rig.Repository.LoadIndex(CancellationToken.None).TryFind(BlobId.Of(_content.AsSpan(chunk * JobRig.ChunkBytes, length)), BlobType.Data, out BlobLocation location));
        return location;
    }

    private void Corrupt(params int[] chunks)
    {
        foreach (int chunk in chunks)
        {
            BlobLocation at = LocationOf(chunk);
            byte[] bytes = _rig.Memory.Content(StoredKind.Pack, at.PackId.ToString());
            bytes[at.OffsetBytes + 100] ^= 1;
            _rig.Memory.Replace(StoredKind.Pack, at.PackId.ToString(), bytes);
        }
    }

    private byte[] Without(params int[] chunks)
    {
        byte[] expected = (byte[])_content.Clone();
        foreach (int chunk in chunks)
            expected.AsSpan(chunk * JobRig.ChunkBytes, Math.Min(JobRig.ChunkBytes, expected.Length - chunk * JobRig.ChunkBytes)).Clear();
        return expected;
    }

    private static ByteRange Range(int firstChunk, int chunkCount) => new((long)firstChunk * JobRig.ChunkBytes, (long)chunkCount * JobRig.ChunkBytes);

    [Fact]
    public void All_that_is_whole_comes_back_and_the_rest_is_zeros_and_listed()
    {
        Corrupt(1, 2, 5);
        ByteRange[] lost = [Range(1, 2), Range(5, 1)];
        JobRig.AssertFails(ErrorId.ChunkCorrupt, () => _rig.Restore(_id, _rig.File("stops")));

        MemoryVolume target = _rig.Volumes.Add("/mem/t", SeededBytes.Make(9, _content.Length));
        RestoreResult onDevice = _rig.Restore(_id, "/mem/t", r => r with { SkipCorrupt = true, VerifyTarget = true });
        Assert.Equal(lost, onDevice.CorruptRanges);
        Assert.Equal(Without(1, 2, 5), target.Content);
        RestoreResult toFile = _rig.Restore(_id, _rig.File("out"), r => r with { SkipCorrupt = true });
        Assert.Equal(lost, toFile.CorruptRanges);
        Assert.Equal(Without(1, 2, 5), System.IO.File.ReadAllBytes(_rig.File("out")));

        VerifyResult verified = _rig.Verify(_id);
        Assert.False(verified.IsWhole);
        Assert.Equal(lost, verified.DamagedRanges);
        Assert.False(System.IO.File.Exists(_rig.File("stops")));
    }

    [Fact]
    public void A_whole_image_is_restored_the_same_with_and_without_the_leave_to_skip()
    {
        RestoreResult result = _rig.Restore(_id, _rig.File("out"), r => r with { SkipCorrupt = true });
        Assert.Empty(result.CorruptRanges);
        Assert.Equal(_content, System.IO.File.ReadAllBytes(_rig.File("out")));
    }

    [Fact]
    public void With_its_pack_gone_an_image_still_gives_what_is_left()
    {
        // image.json and used.ranges lie in a pack of their own, and so do a second image's chunks.
        _rig.Memory.Delete(StoredKind.Pack, PackOf(0));
        RestoreResult result = _rig.Restore(_id, _rig.File("out"), r => r with { SkipCorrupt = true });
        // The zero chunk's content is known.
        Assert.Equal(_content.Length - JobRig.ChunkBytes, result.CorruptRanges.Sum(r => r.LengthBytes));
        Assert.Equal(new byte[_content.Length], System.IO.File.ReadAllBytes(_rig.File("out")));
    }

    [Fact]
    public void A_storage_that_went_away_is_no_damage()
    {
        _rig.Storage.Reset();
        bool isAway = false;
        _rig.Storage.Script = call =>
        {
            isAway |= call is { Operation: ImageBackup.Tests.Kits.Storage.StorageOperation.ReadAt, Number: > 1 };
            return isAway ? new(StorageProblem.NotFound, ImageBackup.Tests.Kits.Storage.FaultMoment.Before) : null;
        };
        Assert.Throws<ImageBackupException>(() => _rig.Restore(_id, _rig.File("out"), r => r with { SkipCorrupt = true }));
        Assert.False(System.IO.File.Exists(_rig.File("out")));
        _rig.Storage.Reset();
    }

    /// <summary>Rightly sealed and where the index says, but another chunk: only its own hash tells.</summary>
    [Fact]
    public void A_chunk_that_is_another_is_refused()
    {
        BlobId a = BlobId.Of(_content.AsSpan(0, JobRig.ChunkBytes)), b = BlobId.Of(_content.AsSpan(JobRig.ChunkBytes, JobRig.ChunkBytes));
        List<(BlobId Id, BlobLocation At)> entries = [.. _rig.Repository.LoadIndex(CancellationToken.None).Entries()];
        foreach (string name in _rig.Memory.Names(StoredKind.Index))
            _rig.Memory.Delete(StoredKind.Index, name);
        byte[] swapped = IndexFile.Write(
            [.. entries.GroupBy(e => e.At.PackId).Select(pack => new IndexedPack(pack.Key,
                [.. pack.Select(e => new PackEntry(e.Id == a ? b : e.Id == b ? a : e.Id, e.At.Type, e.At.OffsetBytes, e.At.LengthBytes, e.At.UncompressedLengthBytes))]))],
            []);
        _rig.Repository.Files.SaveSealed(StoredKind.Index, swapped, 2, _rig.Repository.Sealers);
        JobRig.AssertFails(ErrorId.ChunkCorrupt, () => _rig.Restore(_id, _rig.File("out")));
        Assert.Equal([Range(0, 2)], _rig.Verify(_id).DamagedRanges);
    }

    [Fact]
    public void A_check_names_images_and_ranges()
    {
        _rig.Volumes.Add("/mem/b", JobRig.Content("xbyz"));
        string other = Backup("/mem/b").Id;
        _rig.Volumes.Add("/mem/c", JobRig.Content("qr"));
        Backup("/mem/c");
        Corrupt(1, 2);
        // The structure is whole: only reading tells.
        Assert.True(_rig.Repository.Check(false, null, CancellationToken.None).IsHealthy);
        RepositoryCheckResult result = _rig.Repository.Check(true, null, CancellationToken.None);
        Assert.Equal(
            new[] { (_id, Name, new[] { Range(1, 2) }), (other, "/mem/b", new[] { Range(1, 1) }) }.OrderBy(d => d.Item1, StringComparer.Ordinal).Select(d => $"{d.Item1} {d.Item2} {string.Join(",", d.Item3)}"),
            result.DamagedImages.OrderBy(d => d.ImageId, StringComparer.Ordinal).Select(d => $"{d.ImageId} {d.Volume} {string.Join(",", d.Ranges)}"));
        Assert.All(result.DamagedImages, d => Assert.False(d.IsLost));

        // A pack that is gone is told by the structure alone.
        _rig.Memory.Delete(StoredKind.Pack, PackOf(0));
        result = _rig.Repository.Check(false, null, CancellationToken.None);
        Assert.Contains(result.DamagedImages, d => d.ImageId == _id && d.Ranges.Count > 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_missing_or_cut_pack_is_healed_by_the_next_backup_alone(bool isMissing)
    {
        string pack = PackOf(0);
        byte[] whole = _rig.Memory.Content(StoredKind.Pack, pack);
        if (isMissing)
            _rig.Memory.Delete(StoredKind.Pack, pack);
        else
            _rig.Memory.Replace(StoredKind.Pack, pack, whole[..(whole.Length / 2)]);
        Assert.False(_rig.Verify(_id).IsWhole);
        ImageBackupInfo next = Backup(Name);
        Assert.True(next.NewChunkCount > 0);
        // The old image is whole again, though the index lists the lost pack still.
        _rig.AssertRestores(_id, _content);
        Assert.True(_rig.Verify(_id).IsWhole);
        _rig.AssertRestores(next.Id, _content);
        // What is healed is not stored a third time, and a repair finds nothing lost.
        Assert.Equal(0, Backup(Name).NewChunkCount);
        Assert.Equal(0, _rig.Repository.Repair(new RepositoryRepairOptions(), null, CancellationToken.None).LostBlobCount);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void A_corrupt_chunk_is_healed_by_a_repair_and_the_next_backup()
    {
        Corrupt(1, 2, 5);
        RepositoryRepairResult repair = _rig.Repository.Repair(new RepositoryRepairOptions { ReadData = true }, null, CancellationToken.None);
        Assert.Equal((1, 3L, 0), (repair.DamagedPackCount, repair.LostBlobCount, repair.MissingPackCount));
        Assert.Equal([Range(1, 2), Range(5, 1)], Assert.Single(repair.DamagedImages).Ranges);
        ImageBackupInfo next = Backup(Name);
        Assert.Equal(3, next.NewChunkCount);
        _rig.AssertRestores(_id, _content);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void What_the_volume_has_no_more_stays_lost_and_named()
    {
        Corrupt(1, 2);
        _rig.Repository.Repair(new RepositoryRepairOptions { ReadData = true }, null, CancellationToken.None);
        _content.AsSpan(2 * JobRig.ChunkBytes, 10).Fill(7);
        byte[] now = (byte[])_content.Clone();
        _rig.Volumes.Add(Name, now);
        ImageBackupInfo next = Backup(Name);
        _rig.AssertRestores(next.Id, now);
        Assert.Equal([Range(2, 1)], Assert.Single(_rig.Repository.Check(false, null, CancellationToken.None).DamagedImages).Ranges);
    }

    [Fact]
    public void A_restore_that_failed_is_resumed_and_only_the_rest_is_written()
    {
        MemoryVolume target = _rig.Volumes.Add("/mem/t", SeededBytes.Make(9, _content.Length));
        int left = 3;
        target.OnWrite = (offset, count) =>
        {
            if (left-- == 0)
                throw new BlockWriteException(offset, count, "Scripted: bad sector.");
        };
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(_id, "/mem/t", r => r with { ThrottleLimit = 1 }));
        Assert.Equal(ErrorId.WriteFailed, e.Id);
        Assert.Contains("at offset " + 3 * JobRig.ChunkBytes, e.Message, StringComparison.Ordinal);

        target.OnWrite = null;
        RestoreResult result = _rig.Restore(_id, "/mem/t", r => r with { SkipUnchanged = true, VerifyTarget = true });
        Assert.Equal(_content, target.Content);
        Assert.Equal(3L * JobRig.ChunkBytes, result.SkippedBytes);
        Assert.True(result.Verified);
    }
}
