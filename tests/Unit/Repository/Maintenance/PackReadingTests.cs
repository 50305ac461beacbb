using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Maintenance;

/// <summary>What a check, a repair and a search in packs that no index lists read of each pack, and how often.</summary>
public sealed class PackReadingTests : IDisposable
{
    private readonly JobRig _rig = new();
    private readonly CountingStorage _storage;
    private readonly ImageRepository _repository;

    public PackReadingTests()
    {
        for (int i = 0; i < 4; i++)
        {
            // The last one's packs are read in several pieces.
            _rig.Volumes.Add($"/mem/{i}", SeededBytes.Make(i, i < 3 ? 3 * JobRig.ChunkBytes + 100 : 5 << 20));
            _rig.Backup($"/mem/{i}", r => r with { ThrottleLimit = 1 });
        }
        _storage = new CountingStorage(_rig.Memory);
        _repository = TestRepository.Open(_storage);
        _storage.Reset();
    }

    public void Dispose()
    {
        _repository.Dispose();
        _rig.Dispose();
    }

    private string[] DataPacks() => [.. _repository.LoadIndex(CancellationToken.None).Entries().Where(e => e.Location.Type == BlobType.Data).Select(e => e.Location.PackId.ToString()).Distinct()];

    private long LengthOf(string pack) => _rig.Memory.LengthOf(StoredKind.Pack, pack);

    [Fact]
    public void A_check_of_the_data_reads_every_byte_of_a_pack_once_and_from_front_to_back()
    {
        Assert.True(_repository.Check(readData: true, null, CancellationToken.None).IsHealthy);
        string[] packs = DataPacks();
        Assert.Contains(packs, pack => LengthOf(pack) > 4 << 20);
        foreach (string pack in packs)
        {
            Assert.All(_storage.TimesRead(StoredKind.Pack, pack), times => Assert.Equal(1, times));
            // Its end first, because it says where the blobs are.
            StorageRead[] reads = [.. _storage.Reads.Where(r => r.Name == pack)];
            Assert.Equal(LengthOf(pack), reads[0].OffsetBytes + reads[0].CountBytes);
            Assert.Equal(reads[1..].OrderBy(r => r.OffsetBytes), reads[1..]);
            Assert.InRange(reads.Length, 2, 2 + LengthOf(pack) / (1 << 20));
        }
    }

    [Fact]
    public void A_pack_that_cannot_be_read_is_told_with_the_images_that_it_reaches()
    {
        string pack = DataPacks()[0];
        var faulty = new FaultyStorage(_rig.Memory)
        {
            Script = call => call.Operation == StorageOperation.ReadAt && call.Name == pack ? new StorageFault(StorageProblem.AccessDenied, FaultMoment.Before) : null,
        };
        using ImageRepository repository = TestRepository.Open(faulty);
        RepositoryCheckResult result = repository.Check(readData: true, null, CancellationToken.None);
        RepositoryProblem problem = Assert.Single(result.Problems);
        Assert.Equal($"data/{pack.Substring(0, 2)}/{pack}", problem.File);
        Assert.Single(result.DamagedImages);
    }

    [Fact]
    public void A_repair_that_reads_the_data_reads_a_whole_pack_once()
    {
        Assert.False(_repository.Repair(new RepositoryRepairOptions { ReadData = true, IsPlan = true }, null, CancellationToken.None).WasNeeded);
        foreach (string pack in DataPacks())
            Assert.All(_storage.TimesRead(StoredKind.Pack, pack), times => Assert.Equal(1, times));
    }

    /// <summary>The plan is the first reading; what it found whole, of this length, is not read by the repair that follows it.</summary>
    [Fact]
    public void A_repair_after_its_plan_reads_only_what_was_not_whole()
    {
        string[] packs = DataPacks();
        byte[] bad = _rig.Memory.Content(StoredKind.Pack, packs[0]);
        bad[40] ^= 1;
        _rig.Memory.Replace(StoredKind.Pack, packs[0], bad);
        var options = new RepositoryRepairOptions { ReadData = true, Proven = new HashSet<(BlobId, long)>() };
        Assert.Equal(1, _repository.Repair(options with { IsPlan = true }, null, CancellationToken.None).DamagedPackCount);
        _storage.Reset();
        Assert.Equal(1, _repository.Repair(options, null, CancellationToken.None).DamagedPackCount);
        Assert.All(packs[1..], pack => Assert.DoesNotContain(_storage.Reads, r => r.Name == pack));
        Assert.Contains(_storage.Reads, r => r.Name == packs[0]);
        Assert.DoesNotContain(packs[0], _rig.Memory.Names(StoredKind.Pack));
    }

    [Fact]
    public void A_pack_of_a_wrong_length_is_found_and_nothing_of_it_is_read()
    {
        string[] packs = DataPacks();
        byte[] content = _rig.Memory.Content(StoredKind.Pack, packs[0]);
        foreach (byte[] other in new[] { content[..^1], [.. content, 0] })
        {
            _rig.Memory.Replace(StoredKind.Pack, packs[0], other);
            _storage.Reset();
            RepositoryCheckResult result = _repository.Check(readData: false, null, CancellationToken.None);
            Assert.Contains(result.Problems, p => p.File.EndsWith(packs[0], StringComparison.Ordinal)
                && p.Message == $"The pack is {other.Length} bytes long instead of {content.Length}.");
            Assert.DoesNotContain(_storage.Reads, r => r.Name == packs[0]);
        }
    }

    [Fact]
    public void A_lost_index_is_rebuilt_by_one_read_of_each_packs_end_many_at_a_time()
    {
        string[] packs = DataPacks();
        foreach (string index in _rig.Memory.Names(StoredKind.Index))
            _rig.Memory.Delete(StoredKind.Index, index);
        // More packs than there are cores, and each answer takes its time.
        for (int i = 0; i < 12; i++)
        {
            byte[] stray = SeededBytes.Make(100 + i, 5000);
            _rig.Memory.Save(StoredKind.Pack, BlobId.Of(stray).ToString(), stray);
        }
        _storage.Reset();
        _storage.ReadTime = TimeSpan.FromMilliseconds(20);
        using var backup = _repository.Lock(isExclusive: true, CancellationToken.None);
        OrphanPacks found = OrphanPacks.Load(_repository, backup, CancellationToken.None);
        Assert.Equal(packs.Order(StringComparer.Ordinal), found.Adopted.Select(p => p.PackId.ToString()).Where(packs.Contains).Order(StringComparer.Ordinal));
        Assert.All(packs, pack => Assert.Equal((1, true), (_storage.Reads.Count(r => r.Name == pack), _storage.Reads.Where(r => r.Name == pack).Sum(r => r.CountBytes) <= 8192)));
        Assert.InRange(_storage.MostReadsUnderWay, 2, 16);
    }

    /// <summary>Listed for the question, listed again under the lock, and once more for statements that are void: read once.</summary>
    [Fact]
    public void Removing_images_that_were_listed_reads_no_snapshot_record_again()
    {
        var catalog = new ImageCatalog(_repository);
        string[] ids = [.. catalog.List(new ImageFilter { IncludeInactive = true }, null, CancellationToken.None).Select(image => image.Id)];
        Assert.Equal((4, 4), (ids.Length, _storage.LoadCount(StoredKind.Snapshot)));
        Assert.Equal(ids[..2], new RemoveJob(_repository, catalog).Remove(ids[..2], expiredBy: null, null, CancellationToken.None));
        Assert.Equal(ids[2..], catalog.List(new ImageFilter { IncludeInactive = true }, null, CancellationToken.None).Select(image => image.Id));
        Assert.Equal(4, _storage.LoadCount(StoredKind.Snapshot));
    }

    /// <summary>The directory itself is whole, and what it leads to is not: of each snapshot record that has it, whichever walks it first.</summary>
    [Fact]
    public void Two_snapshot_records_of_one_damaged_tree_are_both_told()
    {
        BlobIndex index = _repository.LoadIndex(CancellationToken.None);
        BlobId tree;
        using (RepositoryLock held = _repository.Lock(isExclusive: false, CancellationToken.None))
        using (var writer = new RepositoryWriter(_repository.Files, _repository.Sealers, index, _repository.FormatVersion, held.Lost))
        {
            using (BlobWriter lane = writer.OpenLane())
            {
                var disk = new TreeNode { Name = "disk.img", Type = "file", SizeBytes = 4096, Content = [BlobId.Of(SeededBytes.Make(4711, 4096))] };
                tree = ImageFiles.SaveTree(lane, [ImageFiles.SaveFolder(lane, "dev", [disk], DateTimeOffset.UnixEpoch)]);
                lane.Flush();
            }
            writer.Finish();
        }
        string[] ids = [.. Enumerable.Range(1, 8).Select(day => _repository.Files.SaveSealed(StoredKind.Snapshot,
            new SnapshotRecord { Time = DateTimeOffset.UnixEpoch.AddDays(day), Tree = tree, Paths = ["/dev/disk.img"], HostName = "vm" }.Write(), _repository.FormatVersion, _repository.Sealers).ToString()!)];
        RepositoryCheckResult result = _repository.Check(readData: false, null, CancellationToken.None);
        Assert.Equal(ids.Order(StringComparer.Ordinal), result.DamagedImages.Select(image => image.ImageId).Order(StringComparer.Ordinal));
        Assert.All(ids, id => Assert.Contains(result.Problems, problem => problem.File == "snapshots/" + id && problem.ErrorId == ErrorId.ChunkMissing));
    }

    /// <summary>Each fault in the words that it always had, whether other blobs of the pack are whole or not.</summary>
    [Fact]
    public void Damaged_blobs_are_told_one_by_one_and_the_others_are_not()
    {
        string pack = DataPacks().MaxBy(LengthOf)!;
        var blobs = _repository.LoadIndex(CancellationToken.None).Entries().Where(e => e.Location.PackId.ToString() == pack).OrderBy(e => e.Location.OffsetBytes).ToList();
        byte[] bad = _rig.Memory.Content(StoredKind.Pack, pack);
        (BlobId Id, BlobLocation Location)[] hit = [blobs[1], blobs[^1]];
        foreach ((_, BlobLocation at) in hit)
            bad[at.OffsetBytes + 20] ^= 1;
        _rig.Memory.Replace(StoredKind.Pack, pack, bad);
        RepositoryCheckResult result = _repository.Check(readData: true, null, CancellationToken.None);
        IEnumerable<string> expected = hit.Select(b =>
            $"Blob {b.Id.ToString()[..12]} in pack {pack[..12]} at offset {b.Location.OffsetBytes} cannot be used: its seal is broken.").Prepend("The pack's content does not match its name.");
        Assert.Equal(expected, result.Problems.Select(p => p.Message));
        Assert.Equal(2, Assert.Single(result.DamagedImages).Ranges.Count);
        // Still the same bytes, once.
        Assert.All(_storage.TimesRead(StoredKind.Pack, pack), times => Assert.Equal(1, times));
    }

    /// <summary>A failure in the middle of one pack leaves nothing behind that would spoil the next one's proof.</summary>
    [Fact]
    public void A_pack_that_the_disk_does_not_give_is_told_and_the_next_ones_are_proven()
    {
        var faulty = new FaultyStorage(_rig.Memory);
        using ImageRepository repository = TestRepository.Open(faulty);
        for (int failing = 0; failing < 6; failing++)
        {
            int wanted = failing;
            faulty.Reset();
            // Trees are read before the packs.
            repository.Check(readData: false, null, CancellationToken.None);
            int before = faulty.Calls.Count(c => c is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Pack });
            faulty.Reset();
            faulty.Script = call => call is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Pack } && call.Number == before + wanted
                ? new StorageFault(StorageProblem.ReadError, FaultMoment.Before) : null;
            RepositoryCheckResult result = repository.Check(readData: true, null, CancellationToken.None);
            Assert.Equal(1, faulty.FaultCount);
            Assert.Equal(ErrorId.RepositoryReadFailed, Assert.Single(result.Problems).ErrorId);
        }
    }
}
