using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Verify;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Maintenance;

/// <summary>What a restore, an image's test and a prune read of each pack, how often, and by how many reads.</summary>
public sealed class PlannedReadingTests : IDisposable
{
    private readonly JobRig _rig = new();
    private readonly CountingStorage _storage;
    private readonly ImageRepository _repository;

    // Repeats, zeros, and more data than one request takes.
    private readonly byte[] _content = [.. JobRig.Content("abcab0cdab"), .. SeededBytes.Make(5, 5 << 20), .. JobRig.Content("a0b", 777)];
    private readonly string _id;

    public PlannedReadingTests()
    {
        _rig.Volumes.Add("/mem/a", _content);
        _id = _rig.Backup("/mem/a", r => r with { ThrottleLimit = 2 }).Id;
        _storage = new CountingStorage(_rig.Memory);
        _repository = TestRepository.Open(_storage);
        _repository.LockTiming = _rig.Repository.LockTiming;
        _storage.Reset();
    }

    public void Dispose()
    {
        _repository.Dispose();
        _rig.Dispose();
    }

    private string[] DataPacks()
    {
        BlobId chunk = BlobId.Of(_content.AsSpan(0, JobRig.ChunkBytes));
        BlobIndex index = _repository.LoadIndex(CancellationToken.None);
        Assert.True(index.TryFind(chunk, BlobType.Data, out BlobLocation first));
        string[] packs = [.. index.Entries().Where(e => e.Location.ContentLengthBytes == JobRig.ChunkBytes).Select(e => e.Location.PackId.ToString()).Distinct()];
        Assert.Contains(first.PackId.ToString(), packs);
        return packs;
    }

    private void AssertReadOnceInOrder()
    {
        foreach (string pack in DataPacks())
        {
            Assert.InRange(_storage.TimesRead(StoredKind.Pack, pack).Max(), 1, 1);
            StorageRead[] reads = [.. _storage.Reads.Where(r => r.Name == pack)];
            Assert.InRange(reads.Length, 1, 2 + _rig.Memory.LengthOf(StoredKind.Pack, pack) / (1 << 20));
        }
    }

    [Fact]
    public void A_restore_reads_each_chunk_once_by_few_reads()
    {
        MemoryVolume target = _rig.Volumes.Add("/mem/t", SeededBytes.Make(9, _content.Length));
        new RestoreJob(_repository, _rig.Volumes).Run(new RestoreRequest { ImageId = _id, Destination = "/mem/t" }, null, CancellationToken.None);
        Assert.Equal(_content, target.Content);
        AssertReadOnceInOrder();
    }

    [Fact]
    public void A_test_of_an_image_reads_each_chunk_once_by_few_reads()
    {
        VerifyResult result = new VerifyJob(_repository).Run(_id, null, CancellationToken.None);
        Assert.True(result.IsWhole);
        AssertReadOnceInOrder();
    }

    [Fact]
    public void A_damaged_chunk_is_told_at_all_places_that_want_it_and_the_zero_chunk_too()
    {
        foreach (byte[] chunk in new[] { _content[..JobRig.ChunkBytes], new byte[JobRig.ChunkBytes] })
        {
            Assert.True(_repository.LoadIndex(CancellationToken.None).TryFind(BlobId.Of(chunk), BlobType.Data, out BlobLocation at));
            byte[] bytes = _rig.Memory.Content(StoredKind.Pack, at.PackId.ToString());
            bytes[at.OffsetBytes + at.LengthBytes - 1] ^= 1;
            _rig.Memory.Replace(StoredKind.Pack, at.PackId.ToString(), bytes);
        }
        long tail = (10L * JobRig.ChunkBytes) + (5 << 20);
        long[] expected = [0, 3, 5, 8, tail / JobRig.ChunkBytes, tail / JobRig.ChunkBytes + 1];
        VerifyResult result = new VerifyJob(_repository).Run(_id, null, CancellationToken.None);
        Assert.Equal(expected, result.DamagedRanges.SelectMany(r => Enumerable.Range(0, (int)(r.LengthBytes / JobRig.ChunkBytes)).Select(i => r.OffsetBytes / JobRig.ChunkBytes + i)));
        // The zero chunk's content is known: a restore does not need it.
        RestoreResult restored = _rig.Restore(_id, _rig.File("out"), r => r with { SkipCorrupt = true });
        Assert.Equal([0L, 3, 8, tail / JobRig.ChunkBytes], restored.CorruptRanges.Select(r => r.OffsetBytes / JobRig.ChunkBytes));
    }

    /// <summary>A pack that was cut within a request: what lies before the cut comes back.</summary>
    [Fact]
    public void A_request_that_cannot_be_read_whole_is_read_chunk_by_chunk()
    {
        BlobId last = BlobId.Of(_content.AsSpan((10 * JobRig.ChunkBytes) + (5 << 20) - JobRig.ChunkBytes, JobRig.ChunkBytes));
        Assert.True(_repository.LoadIndex(CancellationToken.None).TryFind(last, BlobType.Data, out BlobLocation at));
        byte[] pack = _rig.Memory.Content(StoredKind.Pack, at.PackId.ToString());
        _rig.Memory.Replace(StoredKind.Pack, at.PackId.ToString(), pack[..(int)(at.OffsetBytes + 10)]);
        long lostBytes = _repository.LoadIndex(CancellationToken.None).Entries().Count(e => e.Location.PackId == at.PackId && e.Location.OffsetBytes >= at.OffsetBytes) * (long)JobRig.ChunkBytes;
        VerifyResult result = _rig.Verify(_id);
        Assert.False(result.IsWhole);
        Assert.InRange(result.DamagedRanges.Sum(r => r.LengthBytes), 1, lostBytes);
        Assert.Contains(result.DamagedRanges, r => r.OffsetBytes < (10L * JobRig.ChunkBytes) + (5 << 20) && r.EndBytes >= (10L * JobRig.ChunkBytes) + (5 << 20));
    }

    [Fact]
    public void A_prune_reads_what_it_copies_once()
    {
        _rig.Volumes.Add("/mem/b", [.. _content[..(10 * JobRig.ChunkBytes)], .. SeededBytes.Make(5, 5 << 20)[..(2 << 20)]]);
        _rig.Backup("/mem/b");
        foreach (string record in _rig.Memory.Names(StoredKind.Snapshot).Where(n => n == _id).ToArray())
            _rig.Memory.Delete(StoredKind.Snapshot, record);
        RepositoryOptimizeResult plan = _repository.Optimize(UnusedLimit.Bytes(0), isPlan: true, null, CancellationToken.None);
        _storage.Reset();
        RepositoryOptimizeResult result = _repository.Optimize(UnusedLimit.Bytes(0), false, null, CancellationToken.None);
        Assert.NotEqual(0, result.RepackedPackCount);
        // What it costs was told before.
        Assert.Equal((result.ReadBytes, result.RequestCount), (plan.ReadBytes, plan.RequestCount));
        Assert.InRange(plan.ReadBytes, plan.RepackedBytes, plan.PackBytes);
        StorageRead[] reads = [.. _storage.Reads.Where(r => r.Kind == StoredKind.Pack)];
        Assert.InRange(plan.ReadBytes, reads.Where(r => r.CountBytes > JobRig.ChunkBytes).Sum(r => (long)r.CountBytes), reads.Sum(r => (long)r.CountBytes));
        foreach (IGrouping<string, StorageRead> pack in _storage.Reads.Where(r => r.Kind == StoredKind.Pack).GroupBy(r => r.Name))
        {
            // Trees are read to mark what is in use, before they are copied.
            StorageRead[] large = [.. pack.Where(r => r.CountBytes > JobRig.ChunkBytes)];
            Assert.Equal(large.Length, large.Select(r => r.OffsetBytes).Distinct().Count());
            Assert.InRange(large.Length, 0, 4);
        }
        TestRepository.AssertHealthy(_repository);
    }

    [Fact]
    public void Requests_join_what_lies_near_and_end_where_they_are_long_enough()
    {
        BlobIndex index = new();
        BlobId pack = BlobId.Of([1]), other = BlobId.Of([2]);
        var ids = new List<BlobId>();
        void Put(BlobId at, uint offset, uint length)
        {
            ids.Add(BlobId.Of([3, (byte)ids.Count]));
            index.Add(ids[^1], new BlobLocation(at, BlobType.Data, offset, length, 0));
        }
        Put(pack, 0, 100);
        Put(pack, 100, 100);
        Put(pack, 250, 100); // a gap of 50
        Put(pack, 450, 100); // a gap of 100
        Put(other, 0, 100);
        Put(pack, 550, 1000); // longer than a request
        var plan = new PackReadPlan(index);
        foreach (int wanted in new[] { 5, 4, 2, 0, 3, 1, 0 })
            plan.Add(ids[wanted], BlobType.Data, wanted);
        plan.Complete();
        PackRequest[] requests = [.. plan.Requests(new ReadShape(400, 60, 1))];
        Assert.Equal(
        [
            (pack, 0u, 350, 4),
            (pack, 450u, 100, 1),
            (pack, 550u, 1000, 1),
            (other, 0u, 100, 1),
        ], requests.Select(r => (r.PackId, r.OffsetBytes, r.LengthBytes, r.Count)));
        Assert.Equal(1000, plan.LongestBlobBytes);
        Assert.Equal(300, plan.BlobBytes(requests[0]));
        Assert.Equal([0L, 0, 1, 2], Enumerable.Range(0, 4).Select(plan.ItemAt));
        Assert.Equal((2, 3), (plan.NextBlob(0), plan.NextBlob(2)));
    }

    [Fact]
    public void Behind_what_keeps_a_connection_busy_a_gap_is_not_read()
    {
        BlobIndex index = new();
        BlobId pack = BlobId.Of([1]);
        var plan = new PackReadPlan(index);
        // Half of a pack is wanted, by turns of 1100 KiB; and before it small ones with gaps between them.
        const uint Small = 100 << 10, Large = 1100 << 10;
        uint offset = 0;
        foreach (uint length in new[] { Small, Small, Large, Large, Large })
        {
            BlobId id = BlobId.Of(BitConverter.GetBytes(offset));
            index.Add(id, new BlobLocation(pack, BlobType.Data, offset, length, 0));
            plan.Add(id, BlobType.Data, 0);
            offset += length + length / 2;
        }
        plan.Complete();
        PackRequest[] requests = [.. plan.Requests(ReadShape.Remote with { RampBytes = 0 })];
        Assert.Equal([3, 1, 1], requests.Select(request => request.Count));
        Assert.Equal([2 * (Small + Small / 2) + Large, Large, Large], requests.Select(request => (uint)request.LengthBytes));
        // A disk reads ahead anyhow.
        Assert.Equal(128 << 10, ReadShape.Local.GapBytesBehind(2 << 20));
    }
}
