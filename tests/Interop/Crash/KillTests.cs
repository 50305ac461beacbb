using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Crash;

/// <summary>kill -9 of the Host's process, again and again: what it leaves needs no human.</summary>
public sealed class KillTests : IDisposable
{
    private const int VolumeBytes = 48 << 20;
    private const int ChunksOfAPack = 15;

    private readonly TemporaryDirectory _directory = new();

    public KillTests() => HostProcess.Require();

    public void Dispose() => _directory.Dispose();

    private string Repository => _directory["repo"];

    private string[] Files(string kind) => Directory.Exists(Path.Combine(Repository, kind)) ? Directory.GetFiles(Path.Combine(Repository, kind), "*", SearchOption.AllDirectories) : [];

    private string NewVolume(string name, int seed)
    {
        File.WriteAllBytes(_directory[name], SeededBytes.Make(seed, VolumeBytes));
        return _directory[name];
    }

    /// <summary>Kills the command as soon as the condition holds; false if it ended before.</summary>
    private bool KillWhen(string command, Func<bool> condition)
    {
        using HostProcess host = HostProcess.Begin(command);
        var clock = Stopwatch.StartNew();
        while (!host.HasEnded && !condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(5), "The moment to kill did not come.");
            Thread.Sleep(1);
        }
        if (host.HasEnded)
            return false;
        host.Kill();
        return true;
    }

    [Fact]
    public void Killed_backups_lose_nothing_and_the_next_one_goes_on()
    {
        TestRepository.WriteEmpty(Repository);
        string earlier = NewVolume("earlier.img", 1);
        using ImageRepository repository = TestRepository.Open(Repository);
        string earlierId = ResticRig.Backup(repository, earlier, 1 << 20).Id;
        int killCount = 0;
        (string Phase, Func<int, Func<bool>> Moment)[] phases =
        [
            ("the lock", _ => () => Files("locks").Length > 0),
            ("the first temporary file", _ => () => Files("tmp").Length > 0),
            ("the first pack", packs => () => Files("data").Length > packs),
            ("the second pack", packs => () => Files("data").Length > packs + 1),
            ("the tree", packs => () => Files("data").Length > packs + 3),
            ("the index", _ => () => Files("index").Length > 1),
        ];
        string volume = NewVolume("volume.img", 2);
        for (int i = 0; i < phases.Length; i++)
        {
            int packsBefore = Files("data").Length, snapshotsBefore = Files("snapshots").Length;
            if (!KillWhen($"Backup-VolumeImage '{volume}' -Repository '{Repository}' -ChunkSize 1MB", phases[i].Moment(packsBefore)))
                continue;
            killCount++;
            Assert.InRange(Files("snapshots").Length, snapshotsBefore, snapshotsBefore + 1);
            // The dead process's lock is stale to us at once.
            Assert.All(repository.Locks(), l => Assert.True(l.IsStale, phases[i].Phase));
        }
        Assert.True(killCount >= 3, $"Only {killCount} backups were caught alive.");

        int landed = Files("data").Length;
        Assert.True(repository.Check(readData: true, null, CancellationToken.None).IsHealthy);
        ImageBackupInfo next = ResticRig.Backup(repository, volume, 1 << 20);
        // What had landed is not stored again: at least one pack had.
        Assert.InRange(next.NewChunkCount!.Value, 0, VolumeBytes / (1 << 20) - ChunksOfAPack);
        Assert.True(landed > 0);
        Assert.Empty(Files("tmp"));
        Assert.Empty(Files("locks"));
        AssertRestores(repository, earlierId, earlier);
        AssertRestores(repository, next.Id, volume);
        Assert.Equal(0, TestRepository.AssertHealthy(repository).UnreferencedPackCount);
        if (ResticTool.Find("restic") is not null)
            ResticTool.Run(Repository, "check", "--read-data");
    }

    /// <summary>The exclusive lock of a killed repair stands in nobody's way, and what it began is finished.</summary>
    [Fact]
    public void A_killed_repair_is_finished_by_the_next()
    {
        TestRepository.WriteEmpty(Repository);
        string volume = NewVolume("volume.img", 3);
        using ImageRepository repository = TestRepository.Open(Repository);
        string id = ResticRig.Backup(repository, volume, 1 << 20).Id;
        foreach (string index in Files("index"))
            File.Delete(index);
        string torn = Files("data").OrderByDescending(f => new FileInfo(f).Length).First();
        // Under another name, a copy of it is torn: the name is that of bytes which are not all there. (A pack whose name is right and
        // whose header cannot be parsed is kept: it may be a later version's.)
        byte[] half = File.ReadAllBytes(torn)[..^100];
        string stray = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([.. half, 0]));
        Directory.CreateDirectory(Path.Combine(Repository, "data", stray[..2]));
        File.WriteAllBytes(Path.Combine(Repository, "data", stray[..2], stray), half);

        Assert.True(KillWhen($"Repair-ImageRepository '{Repository}' -ReadData -Confirm:$false", () => Files("locks").Any(l => HasExclusive(repository))));
        Assert.All(repository.Locks(), l => Assert.True(l.IsStale));
        // A backup is not kept out.
        Assert.Equal(0, ResticRig.Backup(repository, volume, 1 << 20).NewChunkCount);
        repository.Repair(new RepositoryRepairOptions { ReadData = true }, null, CancellationToken.None);
        AssertRestores(repository, id, volume);
        Assert.Equal(0, TestRepository.AssertHealthy(repository).UnreferencedPackCount);
        Assert.Empty(Files("tmp"));
        if (ResticTool.Find("restic") is not null)
            ResticTool.Run(Repository, "check", "--read-data");
    }

    private static bool HasExclusive(ImageRepository repository) => repository.Locks().Any(l => l.IsExclusive && l.ProcessId != 0);

    private void AssertRestores(ImageRepository repository, string id, string volume)
    {
        string path = _directory["out-" + Guid.NewGuid().ToString("N")];
        new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = id, Destination = path }, null, CancellationToken.None);
        ResticRig.AssertSame(volume, path);
        File.Delete(path);
    }
}
