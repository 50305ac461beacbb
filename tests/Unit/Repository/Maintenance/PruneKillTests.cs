using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using CsCheck;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Maintenance;

/// <summary>
/// A removal of unused data that is killed, or loses its power, at any call on the storage: every image is whole
/// afterwards, a backup goes on, and the next removal ends what the killed one began.
/// </summary>
public sealed class PruneKillTests(ITestOutputHelper output)
{
    /// <summary>A process that is killed at a call: that one is done, half done or not, and no later one is.</summary>
    private static void KillAt(JobRig rig, int killed, FaultMoment moment)
    {
        int calls = 0;
        rig.Storage.Reset();
        rig.Storage.Script = _ => Interlocked.Increment(ref calls) - 1 is var call && call >= killed
            ? new StorageFault(StorageProblem.WriteError, call == killed ? moment : FaultMoment.Before)
            : null;
    }

    private static RepositoryOptimizeResult Prune(JobRig rig, UnusedLimit limit) => rig.Repository.Optimize(limit, isPlan: false, null, CancellationToken.None);

    /// <summary>True if it was killed; the lock of this process, which lives on, is what a dead one's would be.</summary>
    private static bool PruneKilled(JobRig rig, UnusedLimit limit, int killed, FaultMoment moment)
    {
        KillAt(rig, killed, moment);
        bool isKilled = false;
        try
        {
            Prune(rig, limit);
        }
        catch (ImageBackupException)
        {
            isKilled = true;
        }
        rig.Storage.Reset();
        rig.Repository.RemoveLocks(all: true, CancellationToken.None);
        return isKilled;
    }

    private static string Backup(JobRig rig, string volume, string pattern)
    {
        rig.Volumes.Add(volume, JobRig.Content(pattern));
        return rig.Backup(volume, request => request with { ThrottleLimit = 1 }).Id;
    }

    private static void AssertWhole(JobRig rig, Dictionary<string, string> images)
    {
        Assert.Equal(images.Keys.Order(StringComparer.Ordinal), rig.Memory.Names(StoredKind.Snapshot).Order(StringComparer.Ordinal));
        foreach ((string id, string pattern) in images)
            rig.AssertRestores(id, JobRig.Content(pattern));
        TestRepository.AssertHealthy(rig.Repository);
    }

    private static void AssertNothingLeftOver(JobRig rig)
    {
        Prune(rig, UnusedLimit.Bytes(0));
        Assert.Equal(0, TestRepository.AssertHealthy(rig.Repository).UnreferencedPackCount);
        RepositoryOptimizeResult again = rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: true, null, CancellationToken.None);
        Assert.Equal((0L, 0L, 0), (again.UnusedBytes, again.DuplicateBytes, again.RemovedPackCount));
        Assert.Equal(0, rig.Memory.OpenUploadCount);
    }

    /// <summary>One repository in which there is all of it to do: whole packs, partly used ones, unlisted ones, copies.</summary>
    private static (MemoryStorage Memory, Dictionary<string, string> Images) Scene()
    {
        using var rig = new JobRig(TestRepository.NewQuickStorage());
        var images = new Dictionary<string, string>();
        string first = Backup(rig, "/mem/a", "abcdefgh");
        images.Add(Backup(rig, "/mem/b", "ab0ix"), "ab0ix");
        string second = Backup(rig, "/mem/c", "klm");
        images.Add(Backup(rig, "/mem/d", "ghmab"), "ghmab");
        // A removal that was killed when its new index files were written left all in two copies.
        rig.Memory.Delete(StoredKind.Snapshot, first);
        bool isDead = false;
        rig.Storage.Script = call => (isDead |= call is { Operation: StorageOperation.Delete, Kind: StoredKind.Index })
            ? new StorageFault(StorageProblem.WriteError, FaultMoment.Before)
            : null;
        Assert.Throws<ImageBackupException>(() => Prune(rig, UnusedLimit.Bytes(0)));
        rig.Storage.Reset();
        rig.Repository.RemoveLocks(all: true, CancellationToken.None);
        rig.Memory.Delete(StoredKind.Snapshot, second);
        // Packs that a killed backup left: no index lists them.
        string[] listed = rig.Memory.Names(StoredKind.Index);
        rig.Memory.Delete(StoredKind.Snapshot, Backup(rig, "/mem/f", "qrs"));
        foreach (string index in rig.Memory.Names(StoredKind.Index).Except(listed).ToArray())
            rig.Memory.Delete(StoredKind.Index, index);
        return (rig.Memory.Clone(), images);
    }

    [Fact]
    public void Killed_at_every_call()
    {
        (MemoryStorage memory, Dictionary<string, string> images) = Scene();
        int count;
        StorageCall[] calls;
        using (var rig = new JobRig(memory.Clone()))
        {
            rig.Storage.Reset();
            RepositoryOptimizeResult result = Prune(rig, UnusedLimit.Bytes(0));
            Assert.True(result is { RepackedPackCount: > 0, UnreferencedPackCount: > 0 } && result.RemovedPackCount > result.RepackedPackCount + result.UnreferencedPackCount);
            calls = [.. rig.Storage.Calls];
            count = calls.Length;
            foreach (StorageOperation operation in new[] { StorageOperation.Append, StorageOperation.Commit, StorageOperation.Save, StorageOperation.Delete, StorageOperation.SyncDeletions })
                Assert.Contains(rig.Storage.Calls, c => c.Operation == operation);
            AssertWhole(rig, images);
            AssertNothingLeftOver(rig);
        }
        int kills = 0;
        foreach (FaultMoment moment in Enum.GetValues<FaultMoment>())
        {
            for (int killed = 0; killed < count; killed++)
            {
                if (moment == FaultMoment.Torn && calls[killed].Operation != StorageOperation.Append)
                    continue;
                using var rig = new JobRig(memory.Clone());
                kills += PruneKilled(rig, UnusedLimit.Bytes(0), killed, moment) ? 1 : 0;
                AssertWhole(rig, images);
                // A backup goes on from there, and what it takes for stored stays.
                var more = new Dictionary<string, string>(images) { [Backup(rig, "/mem/e", "abcdklxy")] = "abcdklxy" };
                AssertNothingLeftOver(rig);
                AssertWhole(rig, more);
            }
        }
        Assert.True(kills > count);
        output.WriteLine($"{kills} kills at {count} calls");
    }

    [Fact]
    public void Power_cut_at_every_call_brings_back_what_was_not_synced()
    {
        (MemoryStorage memory, Dictionary<string, string> images) = Scene();
        int count, broughtBack = 0;
        using (var rig = new JobRig(memory.Clone()))
        {
            rig.Storage.Reset();
            Prune(rig, UnusedLimit.Bytes(0));
            count = rig.Storage.Calls.Count;
        }
        for (int killed = 0; killed < count; killed++)
        {
            for (int seed = 0; seed < 2; seed++)
            {
                UnsyncedDeletions? disk = null;
                MemoryStorage copy = memory.Clone();
                using var rig = new JobRig(copy, _ => disk = new UnsyncedDeletions(copy));
                PruneKilled(rig, UnusedLimit.Bytes(0), killed, FaultMoment.After);
                var random = new Random(killed * 2 + seed);
                broughtBack += disk!.CutPower(() => seed == 0 || random.Next(2) == 0);
                rig.Repository.RemoveLocks(all: true, CancellationToken.None);
                AssertWhole(rig, images);
                var more = new Dictionary<string, string>(images) { [Backup(rig, "/mem/e", "abcdklxy")] = "abcdklxy" };
                AssertNothingLeftOver(rig);
                AssertWhole(rig, more);
            }
        }
        Assert.True(broughtBack > count);
        output.WriteLine($"{count * 2} power cuts, {broughtBack} files brought back");
    }

    private enum Step
    {
        Backup,
        Remove,
        Prune,
        KilledPrune,
        KilledBackup,
    }

    [Fact]
    public void Random_lives_with_random_deaths()
    {
        int kills = 0, images = 0;
        Gen<string> pattern = Gen.Char["abcdefghijkl0"].Array[1, 8].Select(letters => new string(letters));
        Gen<Step> step = Gen.Frequency((4, Gen.Const(Step.Backup)), (3, Gen.Const(Step.Remove)), (1, Gen.Const(Step.Prune)), (4, Gen.Const(Step.KilledPrune)), (1, Gen.Const(Step.KilledBackup)));
        Gen.Select(step, pattern, Gen.Int[0, 9999], Gen.Enum<FaultMoment>()).Array[4, 16].Sample(life =>
        {
            UnsyncedDeletions? disk = null;
            MemoryStorage memory = TestRepository.NewQuickStorage();
            using var rig = new JobRig(memory, _ => disk = new UnsyncedDeletions(memory));
            var kept = new Dictionary<string, string>();
            foreach ((Step what, string letters, int number, FaultMoment moment) in life)
            {
                UnusedLimit limit = number % 3 == 0 ? UnusedLimit.Bytes(0) : number % 3 == 1 ? UnusedLimit.Percent(20) : UnusedLimit.Unlimited;
                switch (what)
                {
                    case Step.Backup:
                        kept.Add(Backup(rig, $"/mem/{number % 3}", letters), letters);
                        Interlocked.Increment(ref images);
                        break;
                    case Step.Remove when kept.Count > 0:
                        string gone = kept.Keys.Order(StringComparer.Ordinal).ElementAt(number % kept.Count);
                        kept.Remove(gone);
                        memory.Delete(StoredKind.Snapshot, gone);
                        break;
                    case Step.Prune:
                        Prune(rig, limit);
                        break;
                    case Step.KilledPrune:
                        Interlocked.Add(ref kills, PruneKilled(rig, limit, number % 90, moment) ? 1 : 0);
                        var random = new Random(number);
                        disk!.CutPower(() => number % 2 == 0 && random.Next(2) == 0);
                        rig.Repository.RemoveLocks(all: true, CancellationToken.None);
                        break;
                    case Step.KilledBackup:
                        KillAt(rig, number % 25, moment);
                        HashSet<string> before = [.. memory.Names(StoredKind.Snapshot)];
                        try
                        {
                            Backup(rig, $"/mem/{number % 3}", letters);
                        }
                        catch (ImageBackupException)
                        {
                            Interlocked.Increment(ref kills);
                        }
                        rig.Storage.Reset();
                        disk!.CutPower(() => false);
                        rig.Repository.RemoveLocks(all: true, CancellationToken.None);
                        // Killed after its commit point, the image is there.
                        foreach (string id in memory.Names(StoredKind.Snapshot).Where(id => !before.Contains(id)))
                            kept.Add(id, letters);
                        break;
                }
                foreach ((string id, string content) in kept)
                    Assert.True(rig.Verify(id).IsWhole, $"{id} {content} after {what}");
            }
            AssertWhole(rig, kept);
            AssertNothingLeftOver(rig);
            AssertWhole(rig, kept);
        }, iter: 60, threads: 2);
        output.WriteLine($"{images} images, {kills} kills");
        Assert.True(kills > 30);
    }
}
