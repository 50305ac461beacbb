using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Crash;

/// <summary>The power goes at every step of a backup: nothing that was whole is lost, and the next backup needs no help.</summary>
public sealed class BackupPowerCutTests
{
    private const string Earlier = "/mem/earlier";
    private const string Volume = "/mem/a";

    [Fact]
    public void A_cut_at_any_step_of_a_backup_loses_no_image_and_the_next_backup_reuses_what_landed()
    {
        using var directory = new PowerCutDirectory();
        var volumes = new VolumeDouble();
        byte[] earlier = JobRig.Content("ab0c"), content = JobRig.Content("abxyz0w", 999);
        volumes.Add(Earlier, earlier);
        volumes.Add(Volume, content);
        string earlierId = "";
        directory.Do(storage => earlierId = Backup(storage, volumes, Earlier).Id);
        int distinctCount = 5; // x, y, z, w and the tail
        var reused = new ConcurrentBag<(CutState State, int LandedCount, long NewCount)>();

        int stateCount = directory.CutAtEveryStep(
            storage => Backup(storage, volumes, Volume),
            (storage, state) =>
            {
                // Not shared: restore targets come and go.
                var machine = new VolumeDouble();
                machine.Add(Volume, content);
                using ImageRepository repository = PowerCutDirectory.Open(storage);
                PowerCutDirectory.AssertWhole(repository, machine, new Dictionary<string, byte[]> { [earlierId] = earlier });
                // What was listed is whole: the cut image is either there in full or not at all.
                ImageBackupInfo[] images = [.. new ImageCatalog(repository).List(new ImageFilter { IncludeInactive = true }, e => Assert.Fail(e.ToString()), CancellationToken.None)];
                foreach (ImageBackupInfo image in images.Where(i => i.Volume == Volume))
                    PowerCutDirectory.AssertRestores(repository, machine, image.Id, content);

                int landedCount = storage.List(StoredKind.Pack).Count();
                ImageBackupInfo next = JobRig.BackUp(repository, machine, Volume);
                reused.Add((state, landedCount, next.NewChunkCount!.Value));
                PowerCutDirectory.AssertRestores(repository, machine, next.Id, content);
                PowerCutDirectory.AssertWhole(repository, machine, new Dictionary<string, byte[]> { [earlierId] = earlier, [next.Id] = content });
                // Adopted and indexed: nothing is left lying about.
                Assert.Equal(0, repository.Check(readData: false, null, CancellationToken.None).UnreferencedPackCount);
            });

        TestContext.Current.TestOutputHelper?.WriteLine($"{stateCount} states");
        Assert.InRange(stateCount, 100, 2000);
        // One data pack holds all five chunks: once it has landed, durable or only by the process's death, nothing is stored again.
        int before = reused.Min(r => r.LandedCount);
        Assert.All(reused, r => Assert.Equal(r.LandedCount > before ? 0 : distinctCount, r.NewCount));
        Assert.Contains(reused, r => r.NewCount == 0 && r.State.Kind == CutKind.Dropped);
        Assert.Contains(reused, r => r.NewCount == distinctCount && r.State.Kind == CutKind.Killed);
    }

    private static ImageBackupInfo Backup(IStorage storage, VolumeDouble volumes, string name)
    {
        using ImageRepository repository = PowerCutDirectory.Open(storage);
        return JobRig.BackUp(repository, volumes, name);
    }
}
