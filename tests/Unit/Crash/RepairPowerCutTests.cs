using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Crash;

/// <summary>The power goes at every step of a repair: what could be saved before can be saved after.</summary>
public sealed class RepairPowerCutTests
{
    [Fact]
    public void A_cut_at_any_step_of_a_repair_loses_nothing_that_it_could_save()
    {
        using var directory = new PowerCutDirectory();
        var volumes = new VolumeDouble();
        byte[] one = JobRig.Content("ab0c", 99), other = JobRig.Content("axy");
        volumes.Add("/mem/one", one);
        volumes.Add("/mem/other", other);
        string oneId = "", otherId = "";
        directory.Do(storage =>
        {
            using ImageRepository repository = PowerCutDirectory.Open(storage);
            oneId = JobRig.BackUp(repository, volumes, "/mem/one").Id;
            otherId = JobRig.BackUp(repository, volumes, "/mem/other").Id;
        });
        Damage(directory.Repository);
        var whole = new Dictionary<string, byte[]> { [oneId] = one, [otherId] = other };
        var repaired = new ConcurrentBag<(int StepCount, bool WasNeeded)>();

        int stateCount = directory.CutAtEveryStep(
            storage =>
            {
                using ImageRepository repository = PowerCutDirectory.Open(storage);
                RepositoryRepairResult result = Repair(repository);
                Assert.True(result.DamagedPackCount > 0 && result.SalvagedBlobCount > 0 && result.LostBlobCount == 0 && result.DamagedIndexCount > 0);
            },
            (storage, state) =>
            {
                using ImageRepository repository = PowerCutDirectory.Open(storage);
                repository.RemoveLocks(all: true, CancellationToken.None);
                RepositoryRepairResult again = Repair(repository);
                repaired.Add((state.StepCount, again.WasNeeded));
                Assert.Equal(0, again.LostBlobCount);
                PowerCutDirectory.AssertWhole(repository, new VolumeDouble(), whole);
                Assert.False(Repair(repository).WasNeeded);
            });
        TestContext.Current.TestOutputHelper?.WriteLine($"{stateCount} states");
        Assert.InRange(stateCount, 100, 2000);
        // What was reported repaired stays so.
        int last = repaired.Max(r => r.StepCount);
        Assert.DoesNotContain(repaired, r => r.StepCount == last && r.WasNeeded);
        Assert.Contains(repaired, r => r.StepCount == 0 && r.WasNeeded);
    }

    /// <summary>An index is noise, and a pack has lost its header.</summary>
    private static void Damage(string path)
    {
        string[] indexes = Directory.GetFiles(Path.Combine(path, "index"));
        File.WriteAllBytes(indexes[0], new byte[99]);
        // Of a pack that the other index lists: else nobody knows where its blobs begin.
        using ImageRepository repository = TestRepository.Open(path);
        var listed = new HashSet<string>();
        IndexLoader.Load(repository.Files, repository.Sealers, (_, _) => { }, CancellationToken.None).Index.Packs().ForEach(p => listed.Add(p.ToString()));
        string pack = Directory.GetFiles(Path.Combine(path, "data"), "*", SearchOption.AllDirectories)
            .Where(f => listed.Contains(Path.GetFileName(f))).OrderByDescending(f => new FileInfo(f).Length).First();
        using FileStream file = File.OpenWrite(pack);
        file.SetLength(file.Length - 10);
    }

    private static RepositoryRepairResult Repair(ImageRepository repository) =>
        repository.Repair(new RepositoryRepairOptions(), null, CancellationToken.None);
}
