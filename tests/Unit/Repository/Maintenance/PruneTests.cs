using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Maintenance;

/// <summary>What a removal of unused data takes, what it leaves, and when it refuses.</summary>
public sealed class PruneTests : IDisposable
{
    private readonly JobRig _rig = new(TestRepository.NewQuickStorage());

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Of_nothing_nothing_goes()
    {
        RepositoryOptimizeResult result = Prune(UnusedLimit.Bytes(0));
        Assert.Equal((0, 0L, 0, 0L), (result.SnapshotCount, result.UsedBytes, result.PackCount, result.FreedBytes));
        string id = Backup("/mem/a", "abc");
        string[] before = Files();
        result = Prune(UnusedLimit.Bytes(0));
        // Three chunks, image.json, used.ranges, the tree; the chunk tags' header, one part of them, and their tree.
        Assert.Equal((1, 9L, 0L, 0, 0L), (result.SnapshotCount, result.UsedBlobCount, result.UnusedBytes, result.RemovedPackCount, result.FreedBytes));
        Assert.Equal(before, Files());
        _rig.AssertRestores(id, JobRig.Content("abc"));
    }

    [Fact]
    public void What_only_a_removed_image_had_goes_and_the_plan_says_so_before()
    {
        string kept = Backup("/mem/a", "abcd"), gone = Backup("/mem/b", "cdefgh");
        Remove(gone);
        long packBytes = PackBytes();
        string[] before = Files();
        RepositoryOptimizeResult plan = _rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: true, null, CancellationToken.None);
        Assert.Equal(before, Files());
        RepositoryOptimizeResult result = Prune(UnusedLimit.Bytes(0));
        Assert.Equal((true, false), (plan.IsPlan, result.IsPlan));
        Assert.Equal(plan with { IsPlan = false, Duration = result.Duration }, result);
        // e, f, g, h; image.json and used.ranges; the tree; the chunk tags' three: in packs of their own, so nothing is written again.
        Assert.Equal((10L, 0, 0L, 3), (result.UnusedBlobCount, result.RepackedPackCount, result.RemainingUnusedBytes, result.RemovedPackCount));
        Assert.Equal((packBytes, packBytes - result.FreedBytes), (result.PackBytes, PackBytes()));
        Assert.True(result.FreedBytes > 4 * JobRig.ChunkBytes);
        AssertClean();
        _rig.AssertRestores(kept, JobRig.Content("abcd"));
        // What is gone is not taken for stored.
        string again = Backup("/mem/b", "cdefgh");
        _rig.AssertRestores(again, JobRig.Content("cdefgh"));
    }

    [Fact]
    public void A_pack_that_is_partly_used_is_written_again_where_it_wastes_more_than_the_limit()
    {
        string gone = Backup("/mem/a", "abcdefgh"), kept = Backup("/mem/b", "ab");
        Remove(gone);
        // Six of eight chunks are waste; with 5 % of what stays allowed the pack must be rewritten, with 90 % not.
        RepositoryOptimizeResult lax = _rig.Repository.Optimize(UnusedLimit.Percent(90), isPlan: true, null, CancellationToken.None);
        Assert.Equal((0, 0L), (lax.RepackedPackCount, lax.RepackedBytes));
        Assert.True(lax.RemainingUnusedBytes > 6 * JobRig.ChunkBytes);
        Assert.Equal(0, _rig.Repository.Optimize(UnusedLimit.Bytes(7 * JobRig.ChunkBytes), isPlan: true, null, CancellationToken.None).RepackedPackCount);
        Assert.Equal(0, _rig.Repository.Optimize(UnusedLimit.Unlimited, isPlan: true, null, CancellationToken.None).RepackedPackCount);
        RepositoryOptimizeResult result = Prune(UnusedLimit.Default);
        Assert.Equal((1, 0L), (result.RepackedPackCount, result.RemainingUnusedBytes));
        Assert.InRange(result.RepackedBytes, 2 * JobRig.ChunkBytes, 3 * JobRig.ChunkBytes);
        Assert.Equal(0, AssertClean().RemainingUnusedBytes);
        _rig.AssertRestores(kept, JobRig.Content("ab"));
    }

    [Fact]
    public void Where_most_is_won_for_what_must_be_written_comes_first()
    {
        string first = Backup("/mem/a", "abcdefgh"), second = Backup("/mem/b", "ijklmnop");
        string kept = Backup("/mem/c", "abcdefg"), other = Backup("/mem/d", "ij");
        Remove(first);
        Remove(second);
        // One chunk of the first pack and six of the second are waste: one and a half may stay.
        RepositoryOptimizeResult result = Prune(UnusedLimit.Bytes(JobRig.ChunkBytes * 3 / 2));
        Assert.Equal(1, result.RepackedPackCount);
        Assert.InRange(result.RepackedBytes, 2 * JobRig.ChunkBytes, 3 * JobRig.ChunkBytes);
        Assert.InRange(result.RemainingUnusedBytes, JobRig.ChunkBytes, JobRig.ChunkBytes * 3 / 2);
        _rig.AssertRestores(kept, JobRig.Content("abcdefg"));
        _rig.AssertRestores(other, JobRig.Content("ij"));
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void Packs_that_no_index_lists_go()
    {
        string kept = Backup("/mem/a", "abc");
        byte[] left = new byte[1000];
        _rig.Memory.Save(StoredKind.Pack, BlobId.Of(left).ToString(), left);
        RepositoryOptimizeResult result = Prune(UnusedLimit.Default);
        Assert.Equal((1, 1000L, 1, 1000L), (result.UnreferencedPackCount, result.UnreferencedBytes, result.RemovedPackCount, result.FreedBytes));
        AssertClean();
        _rig.AssertRestores(kept, JobRig.Content("abc"));
    }

    [Fact]
    public void Of_copies_one_stays_that_can_be_read()
    {
        string kept = Backup("/mem/a", "abc");
        // The same chunks once more: a backup that sees neither the index nor the packs.
        MemoryStorage hidden = _rig.Memory.Clone();
        foreach (StoredKind kind in new[] { StoredKind.Index, StoredKind.Pack })
        {
            foreach (string name in hidden.Names(kind))
                _rig.Memory.Delete(kind, name);
        }
        string again = Backup("/mem/b", "abc");
        foreach (StoredKind kind in new[] { StoredKind.Index, StoredKind.Pack })
        {
            foreach (string name in hidden.Names(kind))
                _rig.Memory.Save(kind, name, hidden.Content(kind, name));
        }
        // One copy is damaged; which of the two packs would be kept is not known here, so each in turn.
        MemoryStorage both = _rig.Memory.Clone();
        string[] large = both.Names(StoredKind.Pack).Where(p => both.Content(StoredKind.Pack, p).Length > 3 * JobRig.ChunkBytes).ToArray();
        Assert.Equal(2, large.Length);
        foreach (string damaged in large)
        {
            using var rig = new JobRig(both.Clone());
            byte[] content = rig.Memory.Content(StoredKind.Pack, damaged);
            for (int i = 0; i < 3; i++)
                content[JobRig.ChunkBytes * i + 5000] ^= 1;
            rig.Memory.Replace(StoredKind.Pack, damaged, content);
            RepositoryOptimizeResult result = rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None);
            Assert.True(result.DuplicateBlobCount >= 3);
            Assert.True(result.DuplicateBytes > 3 * JobRig.ChunkBytes);
            rig.AssertRestores(kept, JobRig.Content("abc"));
            rig.AssertRestores(again, JobRig.Content("abc"));
            TestRepository.AssertHealthy(rig.Repository);
        }
    }

    [Fact]
    public void A_missing_pack_that_images_need_is_told_with_their_names_and_nothing_is_touched()
    {
        string harmed = Backup("/mem/a", "abc"), whole = Backup("/mem/b", "def"), gone = Backup("/mem/c", "ghi");
        Remove(gone);
        string pack = PackOf('a');
        byte[] content = _rig.Memory.Content(StoredKind.Pack, pack);
        foreach (Action damage in new Action[]
        {
            () => _rig.Memory.Delete(StoredKind.Pack, pack),
            () => _rig.Memory.Save(StoredKind.Pack, pack, content.AsSpan(0, content.Length - 1)),
        })
        {
            _rig.Memory.Delete(StoredKind.Pack, pack);
            damage();
            string[] before = Files();
            ImageBackupException e = Assert.Throws<ImageBackupException>(() => Prune(UnusedLimit.Default));
            Assert.Equal(ErrorId.PackCorrupt, e.Id);
            Assert.Contains(harmed[..8], e.Message, StringComparison.Ordinal);
            Assert.Contains("/mem/a", e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(whole[..8], e.Message, StringComparison.Ordinal);
            Assert.Contains("Remove-ImageBackup", e.RecommendedAction, StringComparison.Ordinal);
            Assert.Equal(before, Files());
            JobRig.AssertFails(ErrorId.PackCorrupt, () => _rig.Repository.Optimize(UnusedLimit.Default, isPlan: true, null, CancellationToken.None));
        }
        // The way out: the image that is lost anyway is removed, and the index forgets the pack.
        _rig.Memory.Delete(StoredKind.Pack, pack);
        Remove(harmed);
        RepositoryOptimizeResult result = Prune(UnusedLimit.Bytes(0));
        Assert.Equal(1, result.VanishedPackCount);
        AssertClean();
        _rig.AssertRestores(whole, JobRig.Content("def"));
    }

    [Fact]
    public void Whatever_cannot_be_known_is_a_refusal()
    {
        string image = Backup("/mem/a", "abc");
        Remove(Backup("/mem/b", "def"));
        MemoryStorage good = _rig.Memory.Clone();
        void Refused(ErrorId id, Action<MemoryStorage> damage, bool namesImage = true)
        {
            using var rig = new JobRig(good.Clone());
            damage(rig.Memory);
            string[] before = Files(rig.Memory);
            ImageBackupException e = Assert.Throws<ImageBackupException>(() => rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None));
            Assert.Equal(id, e.Id);
            Assert.True(!namesImage || e.Message.Contains(image[..8], StringComparison.Ordinal), e.Message);
            Assert.Equal(before, Files(rig.Memory));
        }
        void Flip(MemoryStorage memory, StoredKind kind, string name)
        {
            byte[] content = memory.Content(kind, name);
            content[content.Length / 2] ^= 1;
            memory.Replace(kind, name, content);
        }
        Refused(ErrorId.SnapshotCorrupt, m => Flip(m, StoredKind.Snapshot, image), namesImage: false);
        Refused(ErrorId.IndexCorrupt, m => Flip(m, StoredKind.Index, m.Names(StoredKind.Index)[0]), namesImage: false);
        Refused(ErrorId.ChunkMissing, m =>
        {
            foreach (string name in m.Names(StoredKind.Index))
                m.Delete(StoredKind.Index, name);
        });
        // The tree's pack: what it names cannot be known.
        Refused(ErrorId.ChunkMissing, m =>
        {
            foreach (string name in m.Names(StoredKind.Pack).Where(n => m.Content(StoredKind.Pack, n).Length < 2000))
                Flip(m, StoredKind.Pack, name);
        });
    }

    [Fact]
    public void A_chunk_that_is_damaged_stops_the_rewriting_and_nothing_goes()
    {
        Remove(Backup("/mem/a", "abcdefgh"));
        string kept = Backup("/mem/b", "ab");
        Remove(Backup("/mem/c", "xyz"));
        string pack = PackOf('a');
        byte[] content = _rig.Memory.Content(StoredKind.Pack, pack);
        content[5000] ^= 1;
        _rig.Memory.Replace(StoredKind.Pack, pack, content);
        string[] packs = _rig.Memory.Names(StoredKind.Pack);
        JobRig.AssertFails(ErrorId.ChunkCorrupt, () => Prune(UnusedLimit.Bytes(0)));
        Assert.Subset(_rig.Memory.Names(StoredKind.Pack).ToHashSet(), packs.ToHashSet());
        Assert.Empty(_rig.Repository.Locks());
        Assert.Equal(0, _rig.Memory.OpenUploadCount);
        // Without rewriting, the pack of the third image goes all the same.
        Assert.True(Prune(UnusedLimit.Unlimited).FreedBytes > 3 * JobRig.ChunkBytes);
        Assert.False(_rig.Verify(kept).IsWhole);
    }

    [Fact]
    public void Nobody_else_may_be_at_work()
    {
        Remove(Backup("/mem/a", "abc"));
        using (_rig.Repository.Lock(isExclusive: false, CancellationToken.None))
        {
            JobRig.AssertFails(ErrorId.RepositoryLocked, () => Prune(UnusedLimit.Default));
            // A look does no harm.
            Assert.Equal(3, _rig.Repository.Optimize(UnusedLimit.Default, isPlan: true, null, CancellationToken.None).RemovedPackCount);
        }
        Assert.Equal(3, Prune(UnusedLimit.Default).RemovedPackCount);
    }

    [Fact]
    public void A_lock_that_is_lost_stops_it_before_anything_goes()
    {
        string kept = Backup("/mem/a", "abcd");
        Remove(Backup("/mem/b", "cdefgh"));
        _rig.Repository.LockTiming = LockTiming.Restic with { Settle = TimeSpan.FromMilliseconds(1), RefreshEvery = TimeSpan.FromMilliseconds(20) };
        string[] packs = _rig.Memory.Names(StoredKind.Pack), indexes = _rig.Memory.Names(StoredKind.Index);
        _rig.Storage.Reset();
        _rig.Storage.Script = call =>
        {
            if (call is { Operation: StorageOperation.Save, Kind: StoredKind.Index, Number: 0 })
            {
                // The refresh that comes every 20 ms looks for the lock first. One that had looked already writes a new one.
                for (int i = 0; i < 2; i++)
                {
                    foreach (string name in _rig.Memory.Names(StoredKind.Lock))
                        _rig.Memory.Delete(StoredKind.Lock, name);
                    int looks = _rig.Storage.Calls.Count(IsLook);
                    SpinWait.SpinUntil(() => _rig.Storage.Calls.Count(IsLook) > looks, TimeSpan.FromSeconds(i == 0 ? 30 : 1));
                    Thread.Sleep(100);
                }
            }
            return null;
        };
        JobRig.AssertFails(ErrorId.LockLost, () => Prune(UnusedLimit.Bytes(0)));
        Assert.Subset(_rig.Memory.Names(StoredKind.Pack).ToHashSet(), packs.ToHashSet());
        Assert.Subset(_rig.Memory.Names(StoredKind.Index).ToHashSet(), indexes.ToHashSet());
        _rig.Storage.Reset();
        _rig.AssertRestores(kept, JobRig.Content("abcd"));

        static bool IsLook(StorageCall call) => call is { Operation: StorageOperation.Exists, Kind: StoredKind.Lock };
    }

    [Fact]
    public void Cancelled_it_leaves_all_that_is_needed_and_the_next_run_ends_it()
    {
        Remove(Backup("/mem/a", "abcdefgh"));
        string kept = Backup("/mem/b", "abxy");
        foreach (PrunePhase phase in Enum.GetValues<PrunePhase>())
        {
            Remove(Backup("/mem/c", "abklmnop" + phase.ToString()[0]));
            using var source = new CancellationTokenSource();
            Assert.ThrowsAny<OperationCanceledException>(() => _rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, (at, _, _) =>
            {
                if (at == phase)
                    source.Cancel();
            }, source.Token));
            Assert.Empty(_rig.Repository.Locks());
            Assert.Equal(0, _rig.Memory.OpenUploadCount);
            _rig.AssertRestores(kept, JobRig.Content("abxy"));
            TestRepository.AssertHealthy(_rig.Repository);
            if (phase == PrunePhase.Marking)
                continue;
            Prune(UnusedLimit.Bytes(0));
            AssertClean();
            // For the next phase something must be there to be written again.
            Remove(Backup("/mem/d", "abcdefgh" + phase.ToString()[1]));
            Remove(kept);
            kept = Backup("/mem/b", "abxy");
        }
    }

    [Fact]
    public void Many_index_files_are_joined()
    {
        var expected = new List<(string Id, string Pattern)>();
        for (char c = 'a'; c < 'a' + 20; c++)
            expected.Add((Backup($"/mem/{c}", c.ToString()), c.ToString()));
        Assert.True(_rig.Memory.Names(StoredKind.Index).Length >= 20);
        string[] packs = _rig.Memory.Names(StoredKind.Pack);
        Prune(UnusedLimit.Default);
        Assert.Single(_rig.Memory.Names(StoredKind.Index));
        Assert.Equal(packs.Order(), _rig.Memory.Names(StoredKind.Pack).Order());
        foreach ((string id, string pattern) in expected)
            _rig.AssertRestores(id, JobRig.Content(pattern));
        AssertClean();
    }

    [Fact]
    public void Index_files_stay_within_their_bound_however_many_blobs_stay()
    {
        // 120,000 blobs in the index: a big image's, whose packs nobody reads here.
        string image = Backup("/mem/a", "abc");
        var packs = new List<IndexedPack>();
        for (int pack = 0; pack < 30; pack++)
        {
            PackEntry[] blobs = Enumerable.Range(0, 4000).Select(i => new PackEntry(BlobId.Of(BitConverter.GetBytes(pack * 4000 + i)), BlobType.Data, (uint)i * 50, 50, 0)).ToArray();
            long length = PackHeader.PackLengthBytes(4000 * 50, 4000, 0);
            BlobId id = BlobId.Of(BitConverter.GetBytes(1_000_000 + pack));
            _rig.Memory.Save(StoredKind.Pack, id.ToString(), new byte[length]);
            packs.Add(new IndexedPack(id, blobs));
        }
        _rig.Repository.Files.SaveSealed(StoredKind.Index, IndexFile.Write(packs, []), 2, _rig.Repository.Sealers);
        RepositoryOptimizeResult result = Prune(UnusedLimit.Default);
        Assert.Equal((120_000L, 30), (result.UnusedBlobCount, result.RemovedPackCount));
        _rig.AssertRestores(image, JobRig.Content("abc"));
        AssertClean();
    }

    [Fact]
    public void A_plan_takes_a_handful_of_bytes_for_each_chunk()
    {
        const int count = 200_000;
        var index = new BlobIndex();
        var files = new Dictionary<BlobId, long>();
        for (int pack = 0; pack < count / 1000; pack++)
        {
            BlobId id = BlobId.Of(BitConverter.GetBytes(-1 - pack));
            for (int i = 0; i < 1000; i++)
                index.Add(BlobId.Of(BitConverter.GetBytes(pack * 1000 + i)), new BlobLocation(id, BlobType.Data, (uint)i * 100, 100, 0));
            files.Add(id, PackHeader.PackLengthBytes(100_000, 1000, 0));
        }
        using var marks = new UsedBlobSet(_rig.Repository, index);
        PrunePlan plan = PrunePlan.Make(index, files, marks, UnusedLimit.Default, null, CancellationToken.None);
        Assert.Empty(plan.Lost);
        Assert.Equal(count / 1000, plan.Count(PruneAction.Remove));
        Assert.InRange((index.MemoryBytes + plan.MemoryBytes) / (double)count, 48, 100);
        Assert.InRange(plan.MemoryBytes / (double)count, 4, 5);
    }

    [Theory]
    [InlineData("0", 1000, 0)]
    [InlineData("70", 1000, 70)]
    [InlineData("5%", 950, 50)]
    [InlineData("50%", 1000, 1000)]
    [InlineData("0%", 1000, 0)]
    [InlineData("Unlimited", 1000, long.MaxValue)]
    public void The_limit_is_bytes_or_a_share_of_what_is_there_afterwards(string text, long usedBytes, long allowedBytes)
    {
        UnusedLimit limit = text == "Unlimited" ? UnusedLimit.Unlimited
            : text.EndsWith('%') ? UnusedLimit.Percent(double.Parse(text[..^1], System.Globalization.CultureInfo.InvariantCulture))
            : UnusedLimit.Bytes(long.Parse(text, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(allowedBytes, limit.AllowedBytes(usedBytes));
        Assert.Equal(text == "0%" ? "0" : text, limit.ToString());
    }

    [Fact]
    public void Limits_that_say_nothing()
    {
        JobRig.AssertFails(ErrorId.ParameterInvalid, () => UnusedLimit.Bytes(-1));
        foreach (double percent in new[] { -1, 100, double.NaN, double.PositiveInfinity })
            JobRig.AssertFails(ErrorId.ParameterInvalid, () => UnusedLimit.Percent(percent));
        Assert.Equal(long.MaxValue, UnusedLimit.Percent(99.9999999).AllowedBytes(long.MaxValue));
    }

    private string Backup(string volume, string pattern)
    {
        _rig.Volumes.Add(volume, JobRig.Content(pattern));
        // One worker: which chunk lies in which pack is known then.
        return _rig.Backup(volume, request => request with { ThrottleLimit = 1 }).Id;
    }

    private void Remove(string id) => _rig.Memory.Delete(StoredKind.Snapshot, id);

    private RepositoryOptimizeResult Prune(UnusedLimit limit) => _rig.Repository.Optimize(limit, isPlan: false, null, CancellationToken.None);

    /// <summary>The name of the pack that holds the chunk of a letter.</summary>
    private string PackOf(char letter)
    {
        BlobId id = BlobId.Of(JobRig.Content(letter.ToString()));
        Assert.True(_rig.Repository.LoadIndex(CancellationToken.None).TryFind(id, BlobType.Data, out BlobLocation location));
        return location.PackId.ToString();
    }

    /// <summary>Whole, nothing unlisted, and another run finds nothing to do.</summary>
    private RepositoryOptimizeResult AssertClean()
    {
        Assert.Equal(0, TestRepository.AssertHealthy(_rig.Repository).UnreferencedPackCount);
        RepositoryOptimizeResult again = _rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: true, null, CancellationToken.None);
        Assert.Equal((0, 0, 0L), (again.RemovedPackCount, again.VanishedPackCount, again.UnusedBytes));
        return again;
    }

    private long PackBytes() => _rig.Memory.List(StoredKind.Pack).Sum(f => f.LengthBytes);

    private string[] Files() => Files(_rig.Memory);

    private static string[] Files(MemoryStorage memory) =>
        Enum.GetValues<StoredKind>().SelectMany(memory.Names).Order(StringComparer.Ordinal).ToArray();
}
