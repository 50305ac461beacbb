using System;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>
/// The life of a repository on a disk whose writes are logged, in a process of its own (its locks are to be a dead one's). A
/// mark in the log says what was promised to the user when: from there on it must hold, whenever the power goes.
/// </summary>
internal sealed class CutWork(string location, string logDevice)
{
    public const string First = "pw";
    public const string Second = "second";
    public const int ChunkBytes = 256 << 10;
    private const int VolumeBytes = (6 << 20) + 4096;

    public static int Run(string location, string logDevice)
    {
        new CutWork(location, logDevice).Run();
        return 0;
    }

    /// <summary>A volume is a file, and each of its states too: the name is in the mark.</summary>
    public static string VolumeFile(string state) => "/tmp/cut-" + state + ".img";

    public static RepositoryPassword Password(string text) => RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(text));

    public static ImageRepository Open(string location, string password)
    {
        using RepositoryPassword secret = Password(password);
        ImageRepository repository = ImageRepository.Open(location, secret, CancellationToken.None);
        repository.LockTiming = LockTiming.Restic with { Settle = TimeSpan.FromMilliseconds(1) };
        return repository;
    }

    public static ImageBackupInfo Backup(ImageRepository repository, string state) =>
        new BackupJob(repository, Rig.Volumes).Run(new BackupRequest { Volume = Rig.Volumes.Find(VolumeFile(state)), ChunkSizeBytes = ChunkBytes }, null, CancellationToken.None);

    /// <summary>The volumes' states: a2 and a3 differ a little from a1.</summary>
    public static void MakeVolumes()
    {
        byte[] content = new byte[VolumeBytes];
        var random = new Random(7);
        foreach (string state in new[] { "a1", "a2", "a3", "b1" })
        {
            if (state is "a1" or "b1")
                random.NextBytes(content);
            else
                random.NextBytes(content.AsSpan(random.Next(VolumeBytes - (2 << 20)), 2 << 20));
            File.WriteAllBytes(VolumeFile(state), content);
        }
    }

    private void Run()
    {
        using (RepositoryPassword password = Password(First))
            ImageRepository.Create(location, password, CancellationToken.None).Dispose();
        Mark("created");
        using (ImageRepository repository = Open(location, First))
        {
            MakeCheap(repository, First, repository.KeyName);
            string a1 = BackupAndMark(repository, "a1");
            BackupAndMark(repository, "a2");
            BackupAndMark(repository, "b1");
            Mark("removing:" + a1);
            new RemoveJob(repository).Remove([a1], null, null, CancellationToken.None);
            Mark("removed:" + a1);
        }
        using (ImageRepository repository = Open(location, First))
        {
            RepositoryOptimizeResult pruned = repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None);
            Expect.True(pruned.RemovedPackCount > 0, "The removal of unused data had nothing to do.");
            Mark("pruned");
            using RepositoryPassword second = Password(Second);
            string added = repository.AddKey(second, CancellationToken.None).Id;
            Mark("key:" + Second);
            MakeCheap(repository, Second, added);
        }
        using (ImageRepository repository = Open(location, Second))
        {
            Mark("unkeying:" + First);
            foreach (RepositoryKeyInfo key in repository.Keys().Where(k => !k.IsCurrent))
                repository.RemoveKey(key.Id, CancellationToken.None);
            Mark("unkeyed:" + First);
            Damage();
            RepositoryRepairResult repaired = repository.Repair(new RepositoryRepairOptions { ReadData = true }, null, CancellationToken.None);
            Expect.True(repaired is { WasNeeded: true, DamagedPackCount: > 0, SalvagedBlobCount: > 0, LostBlobCount: 0 }, "The repair had nothing to do: " + repaired);
            Mark("repaired");
        }
        using (ImageRepository repository = Open(location, Second))
            BackupAndMark(repository, "a3");
    }

    private string BackupAndMark(ImageRepository repository, string state)
    {
        string id = Backup(repository, state).Id;
        Mark($"image:{id}:{state}");
        return id;
    }

    /// <summary>A pack loses its end, and with it its list of blobs: all of them are still there, and an index knows where.</summary>
    private void Damage()
    {
        Mark("damaging");
        string pack = Directory.GetFiles(Path.Combine(location, "data"), "*", SearchOption.AllDirectories).OrderByDescending(f => new FileInfo(f).Length).First();
        using (FileStream file = File.OpenWrite(pack))
        {
            file.SetLength(file.Length - 10);
            file.Flush(flushToDisk: true);
        }
        Mark("damaged");
    }

    private void Mark(string text)
    {
        Program.Say("mark " + text);
        GuestDisk.Run("dmsetup", "message", logDevice, "0", "mark", text);
    }

    /// <summary>The same key under scrypt's least cost: the repository is opened many times in an emulated machine.</summary>
    public static void MakeCheap(ImageRepository repository, string password, string name)
    {
        const int n = 2, r = 8, p = 1;
        RepositoryFiles files = repository.Files;
        KeyFile key = KeyFile.Read(files.Load(StoredKind.Key, name));
        using RepositoryPassword secret = Password(password);
        byte[] json = new byte[key.Data.Length - Sealer.OverheadBytes];
        using (MasterKey derived = KeyFile.Derive(secret, key.Salt, key.N, key.R, key.P))
        using (var sealer = new Sealer(derived))
            Expect.True(sealer.TryOpen(key.Data, json), "The key does not open.");
        using (MasterKey derived = KeyFile.Derive(secret, key.Salt, n, r, p))
        using (var sealer = new Sealer(derived))
            sealer.Seal(json, key.Data);
        byte[] cheap = (key with { N = n, R = r, P = p }).Write();
        files.Save(StoredKind.Key, BlobId.Of(cheap).ToString(), cheap);
        files.Delete(StoredKind.Key, name);
        files.SyncDeletions(StoredKind.Key);
    }
}
