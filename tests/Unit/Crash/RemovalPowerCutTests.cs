using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Crash;

/// <summary>The power goes at every step of a removal, and of the removal of unused data: what stays is whole, what was reported gone is gone.</summary>
public sealed class RemovalPowerCutTests
{
    [Fact]
    public void A_cut_at_any_step_of_a_removal_leaves_each_image_whole_or_gone()
    {
        using var directory = new PowerCutDirectory();
        Dictionary<string, byte[]> images = [];
        directory.Do(storage =>
        {
            foreach (string pattern in new[] { "ab0c", "abxy" })
                images.Add(Backup(storage, new VolumeDouble(), pattern), JobRig.Content(pattern));
        });
        string goes = images.Keys.First();
        var stays = images.Where(i => i.Key != goes).ToDictionary();
        var listed = new ConcurrentBag<(int StepCount, bool IsListed)>();

        int stateCount = directory.CutAtEveryStep(
            storage => Assert.Equal([goes], Remove(storage, goes)),
            (storage, state) =>
            {
                using ImageRepository repository = PowerCutDirectory.Open(storage);
                var machine = new VolumeDouble();
                bool isListed = storage.Exists(StoredKind.Snapshot, goes);
                listed.Add((state.StepCount, isListed));
                PowerCutDirectory.AssertWhole(repository, machine, isListed ? images : stays);
                // Done again, it ends what was begun.
                new RemoveJob(repository).Remove([goes], null, null, CancellationToken.None);
                Assert.False(storage.Exists(StoredKind.Snapshot, goes));
                repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None);
                PowerCutDirectory.AssertWhole(repository, machine, stays);
            });

        TestContext.Current.TestOutputHelper?.WriteLine($"{stateCount} states");
        Assert.InRange(stateCount, 40, 2000);
        int last = listed.Max(l => l.StepCount);
        Assert.DoesNotContain(listed, l => l.StepCount == last && l.IsListed);
        Assert.Contains(listed, l => l.StepCount == 0 && l.IsListed);
    }

    [Fact]
    public void A_cut_at_any_step_of_a_removal_of_unused_data_loses_no_image()
    {
        using var directory = new PowerCutDirectory();
        Dictionary<string, byte[]> images = [];
        directory.Do(storage =>
        {
            // Whole packs that nobody needs, and some that are partly needed.
            string first = Backup(storage, new VolumeDouble(), "abcdefgh");
            images.Add(Backup(storage, new VolumeDouble(), "ab0ix"), JobRig.Content("ab0ix"));
            string second = Backup(storage, new VolumeDouble(), "klm");
            images.Add(Backup(storage, new VolumeDouble(), "ghmab"), JobRig.Content("ghmab"));
            string third = Backup(storage, new VolumeDouble(), "qrs");
            foreach (string id in new[] { first, second, third })
                Remove(storage, id);
        });

        int stateCount = directory.CutAtEveryStep(
            storage =>
            {
                using ImageRepository repository = PowerCutDirectory.Open(storage);
                RepositoryOptimizeResult result = Prune(repository);
                Assert.True(result.RepackedPackCount > 0 && result.RemovedPackCount > result.RepackedPackCount);
            },
            (storage, _) =>
            {
                using ImageRepository repository = PowerCutDirectory.Open(storage);
                var machine = new VolumeDouble();
                PowerCutDirectory.AssertWhole(repository, machine, images);
                // A backup goes on from there, and what it takes for stored stays when the next removal ends what the cut one began.
                var more = new Dictionary<string, byte[]>(images) { [Backup(repository, machine, "abcdklxy")] = JobRig.Content("abcdklxy") };
                Prune(repository);
                PowerCutDirectory.AssertWhole(repository, machine, more);
                Assert.Equal(0, repository.Check(readData: false, null, CancellationToken.None).UnreferencedPackCount);
                RepositoryOptimizeResult again = repository.Optimize(UnusedLimit.Bytes(0), isPlan: true, null, CancellationToken.None);
                Assert.Equal((0L, 0L, 0), (again.UnusedBytes, again.DuplicateBytes, again.RemovedPackCount));
            });

        TestContext.Current.TestOutputHelper?.WriteLine($"{stateCount} states");
        Assert.InRange(stateCount, 100, 2000);
    }

    private static RepositoryOptimizeResult Prune(ImageRepository repository) => repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None);

    private static IReadOnlyList<string> Remove(IStorage storage, string id)
    {
        using ImageRepository repository = PowerCutDirectory.Open(storage);
        return new RemoveJob(repository).Remove([id], null, null, CancellationToken.None);
    }

    private static string Backup(IStorage storage, VolumeDouble volumes, string pattern)
    {
        using ImageRepository repository = PowerCutDirectory.Open(storage);
        return Backup(repository, volumes, pattern);
    }

    private static string Backup(ImageRepository repository, VolumeDouble volumes, string pattern)
    {
        string name = "/mem/" + pattern;
        volumes.Add(name, JobRig.Content(pattern));
        return JobRig.BackUp(repository, volumes, name).Id;
    }
}
