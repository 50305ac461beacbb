using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>Repair: what it finds, saves, gives up and leaves alone; and the samples of a check.</summary>
public sealed class RepairTests : IDisposable
{
    private readonly JobRig _rig = new();
    private readonly byte[] _one = JobRig.Content("abc0d", 77);
    private readonly byte[] _other = JobRig.Content("axyz");
    private readonly string _oneId, _otherId;

    public RepairTests()
    {
        _rig.Volumes.Add("/mem/one", _one);
        _rig.Volumes.Add("/mem/other", _other);
        _oneId = _rig.Backup("/mem/one", r => r with { ThrottleLimit = 1 }).Id;
        _otherId = _rig.Backup("/mem/other", r => r with { ThrottleLimit = 1 }).Id;
    }

    public void Dispose() => _rig.Dispose();

    private RepositoryRepairResult Repair(bool readData = false, bool isPlan = false) =>
        _rig.Repository.Repair(new RepositoryRepairOptions { ReadData = readData, IsPlan = isPlan }, null, CancellationToken.None);

    private void AssertAllRestore()
    {
        TestRepository.AssertHealthy(_rig.Repository);
        _rig.AssertRestores(_oneId, _one);
        _rig.AssertRestores(_otherId, _other);
    }

    private string[] Everything() =>
        [.. Enum.GetValues<StoredKind>().SelectMany(kind => _rig.Memory.Names(kind).Select(name => $"{kind} {name} {_rig.Memory.Content(kind, name).Length}")).Order(StringComparer.Ordinal)];

    [Fact]
    public void A_sound_repository_is_left_as_it_is()
    {
        string[] before = Everything();
        foreach (bool readData in new[] { false, true })
        {
            RepositoryRepairResult result = Repair(readData);
            Assert.False(result.WasNeeded);
            Assert.Empty(result.DamagedImages);
            Assert.Equal(before, Everything());
        }
        AssertAllRestore();
    }

    [Fact]
    public void Every_index_may_be_gone_or_corrupt()
    {
        foreach (string name in _rig.Memory.Names(StoredKind.Index))
            _rig.Memory.Delete(StoredKind.Index, name);
        byte[] noise = SeededBytes.Make(1, 500);
        _rig.Memory.Save(StoredKind.Index, BlobId.Of("x"u8).ToString(), noise);
        RepositoryRepairResult result = Repair();
        Assert.True(result.WasNeeded);
        Assert.Equal((_rig.Memory.Names(StoredKind.Pack).Length, 1, 0L), (result.AdoptedPackCount, result.DamagedIndexCount, result.LostBlobCount));
        Assert.Empty(result.DamagedImages);
        AssertAllRestore();
        Assert.False(Repair(readData: true).WasNeeded);
    }

    [Fact]
    public void Whole_blobs_are_saved_out_of_a_pack_whose_end_is_torn_off()
    {
        foreach (string name in _rig.Memory.Names(StoredKind.Pack))
        {
            byte[] pack = _rig.Memory.Content(StoredKind.Pack, name);
            _rig.Memory.Replace(StoredKind.Pack, name, pack[..(pack.Length - 20)]);
        }
        // The headers are gone, every blob is there: the index knows where.
        int packCount = _rig.Memory.Names(StoredKind.Pack).Length;
        RepositoryRepairResult result = Repair();
        Assert.Equal((packCount, 0L), (result.DamagedPackCount, result.LostBlobCount));
        Assert.True(result.SalvagedBlobCount >= 8);
        AssertAllRestore();
        Assert.False(Repair(readData: true).WasNeeded);
    }

    [Fact]
    public void A_torn_pack_that_nobody_listed_goes()
    {
        byte[] stray = _rig.Memory.Content(StoredKind.Pack, _rig.Memory.Names(StoredKind.Pack)[0])[..^5];
        string name = BlobId.Of("the whole pack"u8).ToString();
        _rig.Memory.Save(StoredKind.Pack, name, stray);
        RepositoryRepairResult result = Repair();
        Assert.Equal((1, 0L, 0L), (result.DamagedPackCount, result.LostBlobCount, result.SalvagedBlobCount));
        Assert.DoesNotContain(name, _rig.Memory.Names(StoredKind.Pack));
        AssertAllRestore();
    }

    /// <summary>It is byte for byte what somebody wrote: its name is its hash. What is in it nobody here can tell.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_whole_pack_whose_header_cannot_be_parsed_stays_and_is_named(bool readData)
    {
        byte[] strange = SeededBytes.Make(5, 3000);
        string name = BlobId.Of(strange).ToString();
        _rig.Memory.Save(StoredKind.Pack, name, strange);
        RepositoryRepairResult result = Repair(readData);
        Assert.Equal(("pack", name), (Assert.Single(result.UnreadableFiles).Kind, result.UnreadableFiles[0].Name));
        Assert.Equal((0, 0L, false), (result.DamagedPackCount, result.LostBlobCount, result.WasNeeded));
        Assert.Equal(strange, _rig.Memory.Content(StoredKind.Pack, name));
        _rig.AssertRestores(_oneId, _one);
        _rig.AssertRestores(_otherId, _other);
    }

    public static TheoryData<string, byte[]> UnreadableSnapshots => new()
    {
        { "not a snapshot", "{\"what\":1}"u8.ToArray() },
        { "no time of RFC 3339", System.Text.Encoding.UTF8.GetBytes($"{{\"time\":\"yesterday\",\"tree\":\"{new string('a', 64)}\",\"paths\":[\"/x\"]}}") },
        { "of another kind", "[1, 2]"u8.ToArray() },
        { "no JSON", "{"u8.ToArray() },
    };

    /// <summary>It is rightly sealed and named: a later version, or another program, may understand it.</summary>
    [Theory]
    [MemberData(nameof(UnreadableSnapshots))]
    public void What_it_cannot_parse_stays_and_is_named_and_the_rest_goes_on(string what, byte[] json)
    {
        Assert.NotEmpty(what);
        string name = _rig.Repository.Files.SaveSealed(StoredKind.Snapshot, json, 2, _rig.Repository.Sealers);
        foreach (string index in _rig.Memory.Names(StoredKind.Index))
            _rig.Memory.Delete(StoredKind.Index, index);
        RepositoryRepairResult result = Repair();
        Assert.True(result.WasNeeded);
        Assert.Empty(result.RemovedSnapshots);
        Assert.Equal(name, Assert.Single(result.UnreadableFiles).Name);
        Assert.Contains(name, _rig.Memory.Names(StoredKind.Snapshot));
        _rig.AssertRestores(_oneId, _one);
        // What it refers to is not known: nothing is unused.
        JobRig.AssertFails(ErrorId.SnapshotCorrupt, () => _rig.Repository.Optimize(UnusedLimit.Default, false, null, CancellationToken.None));
    }

    [Fact]
    public void A_snapshot_that_is_damaged_goes_only_if_that_is_said()
    {
        byte[] bytes = _rig.Memory.Content(StoredKind.Snapshot, _oneId);
        bytes[^1] ^= 1;
        _rig.Memory.Replace(StoredKind.Snapshot, _oneId, bytes);
        RepositoryRepairResult kept = Repair();
        Assert.Equal((_oneId, false), (Assert.Single(kept.UnreadableFiles).Name, kept.WasNeeded));
        Assert.Contains(_oneId, _rig.Memory.Names(StoredKind.Snapshot));

        var options = new RepositoryRepairOptions { RemoveUnreadable = true };
        Assert.Equal([_oneId], _rig.Repository.Repair(options with { IsPlan = true }, null, CancellationToken.None).RemovedSnapshots);
        Assert.Contains(_oneId, _rig.Memory.Names(StoredKind.Snapshot));
        RepositoryRepairResult result = _rig.Repository.Repair(options, null, CancellationToken.None);
        Assert.Equal([_oneId], result.RemovedSnapshots);
        Assert.Empty(result.UnreadableFiles);
        TestRepository.AssertHealthy(_rig.Repository);
        _rig.AssertRestores(_otherId, _other);
    }

    /// <summary>Rightly sealed, but another's: an old snapshot put in a new one's place.</summary>
    [Fact]
    public void A_file_under_another_files_name_is_refused()
    {
        _rig.Memory.Replace(StoredKind.Snapshot, _oneId, _rig.Memory.Content(StoredKind.Snapshot, _otherId));
        JobRig.AssertFails(ErrorId.SnapshotCorrupt, () => _rig.Restore(_oneId, _rig.File("out")));
        Assert.Contains(_rig.Repository.Check(false, null, CancellationToken.None).Problems, p => p.ErrorId == ErrorId.SnapshotCorrupt);
    }

    [Fact]
    public void An_image_whose_list_of_chunks_is_lost_is_called_lost()
    {
        BlobIndex index = _rig.Repository.LoadIndex(CancellationToken.None);
        foreach ((BlobId id, BlobLocation at) in index.Entries().ToList())
        {
            if (at.Type == BlobType.Tree)
                _rig.Memory.Delete(StoredKind.Pack, at.PackId.ToString());
        }
        RepositoryRepairResult result = Repair();
        Assert.Equal(2, result.MissingPackCount);
        Assert.All(result.DamagedImages, i => Assert.True(i.IsLost));
        Assert.Equal(new[] { _oneId, _otherId }.Order(StringComparer.Ordinal), result.DamagedImages.Select(i => i.ImageId).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_plan_says_what_a_repair_does_and_writes_nothing()
    {
        string pack = _rig.Memory.Names(StoredKind.Pack).OrderByDescending(n => _rig.Memory.Content(StoredKind.Pack, n).Length).First();
        byte[] bytes = _rig.Memory.Content(StoredKind.Pack, pack);
        bytes[500] ^= 4;
        _rig.Memory.Replace(StoredKind.Pack, pack, bytes);
        _rig.Memory.Delete(StoredKind.Index, _rig.Memory.Names(StoredKind.Index)[0]);
        string[] before = Everything();
        RepositoryRepairResult plan = Repair(readData: true, isPlan: true);
        Assert.Equal(before, Everything());
        RepositoryRepairResult done = Repair(readData: true);
        Assert.Equal(
            (plan.AdoptedPackCount, plan.DamagedPackCount, plan.LostBlobCount, plan.SalvagedBlobCount, plan.DamagedImages.Count),
            (done.AdoptedPackCount, done.DamagedPackCount, done.LostBlobCount, done.SalvagedBlobCount, done.DamagedImages.Count));
        Assert.True(plan.IsPlan && plan.WasNeeded && done.WasNeeded);
    }

    [Fact]
    public void A_repair_wants_the_repository_for_itself()
    {
        using RepositoryLock held = _rig.Repository.Lock(isExclusive: false, CancellationToken.None);
        JobRig.AssertFails(ErrorId.RepositoryLocked, () => Repair());
    }

    [Fact]
    public void A_storage_that_goes_away_gives_nothing_up()
    {
        string[] before = Everything();
        _rig.Storage.Reset();
        _rig.Storage.Script = call => call is { Operation: StorageOperation.ReadAt } or { Operation: StorageOperation.Load, Kind: StoredKind.Config }
            ? new StorageFault(StorageProblem.ReadError, FaultMoment.Before) : null;
        JobRig.AssertFails(ErrorId.RepositoryReadFailed, () => Repair(readData: true));
        _rig.Storage.Reset();
        Assert.Equal(before, Everything());
    }

    [Fact]
    public void Samples_that_go_on_where_the_last_one_ended_read_every_pack()
    {
        for (int i = 0; i < 10; i++)
        {
            _rig.Volumes.Add($"/mem/{i}", SeededBytes.Make(100 + i, JobRig.ChunkBytes));
            _rig.Backup($"/mem/{i}");
        }
        string[] packs = [.. _rig.Memory.Names(StoredKind.Pack).Order(StringComparer.Ordinal)];
        foreach (double percent in new[] { 50, 25, 7, 0.5 })
        {
            int found = 0;
            foreach (string pack in packs.Where((_, i) => i % 5 == 0))
            {
                byte[] good = _rig.Memory.Content(StoredKind.Pack, pack), bad = (byte[])good.Clone();
                bad[3] ^= 8;
                _rig.Memory.Replace(StoredKind.Pack, pack, bad);
                string? after = packs[packs.Length / 2];
                bool isFound = false;
                int runCount = (int)Math.Ceiling(100 / percent);
                for (int run = 0; run < runCount && !isFound; run++)
                {
                    RepositoryCheckResult result = _rig.Repository.Check(new RepositoryCheckOptions { ReadData = true, SamplePercent = percent, SampleAfter = after }, null, CancellationToken.None);
                    isFound = result.Problems.Any(p => p.File.EndsWith(pack, StringComparison.Ordinal));
                    Assert.InRange(result.ReadPackCount, 1, packs.Length - 1);
                    after = result.SampleEnd;
                }
                Assert.True(isFound, $"{percent} %: {runCount} runs did not find the damage in {pack}.");
                found++;
                _rig.Memory.Replace(StoredKind.Pack, pack, good);
            }
            Assert.True(found > 3);
        }
    }
}
