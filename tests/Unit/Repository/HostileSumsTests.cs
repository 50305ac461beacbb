using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>
/// Many files, each within its own bound. What they cost in all is bounded too: in memory, in open files, in how long one
/// must wait until a cancellation is heard. A user who writes to the repository makes them for nothing, as sparse files.
/// </summary>
[Collection(Memory)]
public sealed class HostileSumsTests : IDisposable
{
    /// <summary>Nobody else allocates meanwhile.</summary>
    internal const string Memory = "Memory of the whole process";

    private readonly TemporaryDirectory _directory = new();
    private readonly string _path;

    public HostileSumsTests()
    {
        _path = _directory["repo"];
        TestRepository.WriteEmpty(_path);
    }

    public void Dispose() => _directory.Dispose();

    private string Sparse(string folder, string name, long lengthBytes)
    {
        Directory.CreateDirectory(Path.Combine(_path, folder));
        using FileStream file = File.Create(Path.Combine(_path, folder, name));
        file.SetLength(lengthBytes);
        return name;
    }

    private static string NameOf(int number) => BlobId.Of(BitConverter.GetBytes(number)).ToString();

    /// <summary>Zeros under the name that is their hash: only the seal tells that nobody wrote them.</summary>
    private static string NameOfZeros(long lengthBytes)
    {
        using var hash = new Sha256();
        byte[] zeros = new byte[1 << 20];
        for (long done = 0; done < lengthBytes; done += zeros.Length)
            hash.Append(zeros.AsSpan(0, (int)Math.Min(zeros.Length, lengthBytes - done)));
        byte[] digest = new byte[Sha256.SizeBytes];
        hash.Finish(digest);
        return new BlobId(digest).ToString();
    }

    /// <summary>What was taken, given back or not: a collector that comes late does not hide what was asked for.</summary>
    private static long AllocatedBytes(Action action)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        action();
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }

    [Fact]
    public void Thirty_sparse_snapshots_take_no_memory()
    {
        for (int i = 0; i < 30; i++)
            Sparse("snapshots", NameOf(i), 64 << 20);
        Sparse("snapshots", NameOfZeros(63 << 20), 63 << 20);
        using ImageRepository repository = TestRepository.Open(_path);
        var warnings = new List<Exception>();
        long takenBytes = AllocatedBytes(() => new ImageCatalog(repository).List(new ImageFilter(), e =>
        {
            lock (warnings)
                warnings.Add(e);
        }, CancellationToken.None));
        Assert.Equal(31, warnings.Count);
        Assert.All(warnings, e => Assert.Equal(ErrorId.SnapshotCorrupt, Assert.IsType<ImageBackupException>(e).Id));
        Assert.InRange(takenBytes, 0, 128 << 20);
    }

    [Fact]
    public void Two_index_files_at_the_limit_take_no_memory()
    {
        const long lengthBytes = 511L << 20;
        Sparse("index", NameOf(1), lengthBytes);
        Sparse("index", NameOfZeros(lengthBytes), lengthBytes);
        using ImageRepository repository = TestRepository.Open(_path);
        var failures = new List<ImageBackupException>();
        long takenBytes = AllocatedBytes(() => IndexLoader.Load(repository.Files, repository.Sealers, (_, e) => failures.Add(e), CancellationToken.None));
        Assert.Equal(2, failures.Count);
        Assert.Contains(failures, e => e.Message.Contains("does not match its name", StringComparison.Ordinal));
        Assert.Contains(failures, e => e.Message.Contains("seal is broken", StringComparison.Ordinal));
        Assert.InRange(takenBytes, 0, 64 << 20);
    }

    [Fact]
    public void A_large_file_stops_being_read_when_that_is_cancelled()
    {
        Sparse("index", NameOf(1), 511L << 20);
        using var local = new LocalStorage(_path);
        var watched = new FaultyStorage(local);
        using ImageRepository repository = TestRepository.Open(watched);
        using var stop = new CancellationTokenSource();
        watched.Script = call =>
        {
            if (call is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Index, Number: 3 })
                stop.Cancel();
            return null;
        };
        Assert.ThrowsAny<OperationCanceledException>(() => IndexLoader.Load(repository.Files, repository.Sealers, (_, _) => { }, stop.Token));
        Assert.InRange(watched.Calls.Count(call => call.Operation == StorageOperation.ReadAt), 3, 6);
    }

    /// <summary>A large file that is what it says is still read: an index of an old restic may be.</summary>
    [Fact]
    public void A_large_index_that_is_right_is_read()
    {
        using ImageRepository repository = TestRepository.Open(_path);
        byte[] json = Encoding.UTF8.GetBytes("{\"packs\":[]" + new string(' ', 40 << 20) + "}");
        byte[] content = repository.Sealers.Seal(json);
        string name = BlobId.Of(content).ToString();
        repository.Files.Save(StoredKind.Index, name, content);
        Assert.Equal([name], IndexLoader.Load(repository.Files, repository.Sealers, onError: null, CancellationToken.None).FileNames);
    }

    [Fact]
    public void A_pack_that_is_longer_than_its_index_says_is_not_read()
    {
        var volumes = new VolumeDouble();
        volumes.Add("/mem/a", SeededBytes.Make(1, 300_000));
        using var local = new LocalStorage(_path);
        var watched = new FaultyStorage(local);
        using ImageRepository repository = TestRepository.Open(watched);
        new BackupJob(repository, volumes).Run(new BackupRequest { Volume = volumes.Find("/mem/a"), ChunkSizeBytes = 64 << 10 }, null, CancellationToken.None);
        string[] packs = Directory.GetFiles(Path.Combine(_path, "data"), "*", SearchOption.AllDirectories);
        foreach (string pack in packs)
        {
            using FileStream file = File.OpenWrite(pack);
            file.SetLength(8L << 40);
        }
        // And one that nobody lists, and nobody needs.
        Sparse(Path.Combine("data", NameOf(7)[..2]), NameOf(7), 8L << 40);
        watched.Reset();
        RepositoryCheckResult check = repository.Check(readData: true, null, CancellationToken.None);
        Assert.False(check.IsHealthy);
        Assert.Equal(packs.Length, check.Problems.Select(p => p.File).Where(file => file.StartsWith("data/", StringComparison.Ordinal)).Distinct().Count());
        Assert.InRange(watched.Calls.Count(call => call is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Pack }), 1, 100);
        watched.Reset();
        repository.Repair(new RepositoryRepairOptions { ReadData = true, IsPlan = true }, null, CancellationToken.None);
        Assert.InRange(watched.Calls.Count(call => call is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Pack }), 1, 100);
    }

    private static void AddDecoys(IStorage storage, int count, int n, int r, int p)
    {
        for (int i = 0; i < count; i++)
        {
            byte[] salt = SeededBytes.Make(i, 64);
            byte[] content = new KeyFile { N = n, R = r, P = p, Salt = salt, Data = SeededBytes.Make(i + 1000, 200), Created = DateTimeOffset.UnixEpoch.AddDays(i) }.Write();
            storage.Save(StoredKind.Key, BlobId.Of(content).ToString(), content);
        }
    }

    [Fact]
    public void Lengths_that_no_sum_holds_are_the_largest_number()
    {
        Assert.Equal(long.MaxValue, PackLengths.Total([long.MaxValue, 1, long.MaxValue]));
        Assert.Equal(6, PackLengths.Total([1, 2, 3]));
    }

    [Fact]
    public void Sixty_cheap_decoys_do_not_make_a_right_password_wrong()
    {
        MemoryStorage storage = TestRepository.NewStorage();
        AddDecoys(storage, 60, 2, 1, 1);
        TestRepository.Open(storage).Dispose();
    }

    [Fact]
    public void Dear_decoys_are_tried_after_the_cheap_key()
    {
        MemoryStorage storage = TestRepository.NewStorage();
        // A gigabyte each, eight times over: most of a minute, times twenty.
        AddDecoys(storage, 20, 1 << 20, 8, 8);
        TestRepository.Open(storage).Dispose();
    }

    [Fact]
    public void More_keys_than_can_be_tried_are_said_to_be_that_and_the_one_that_is_named_is_tried()
    {
        MemoryStorage storage = TestRepository.NewStorage();
        string own = storage.Names(StoredKind.Key).Single();
        // Cheaper than the own key, and more than are read.
        AddDecoys(storage, 1500, 2, 1, 1);
        using RepositoryPassword password = TestRepository.NewPassword(), wrong = TestRepository.NewPassword("wrong");
        ImageRepository.Open(storage, password, CancellationToken.None, own[..12]).Dispose();
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => ImageRepository.Open(storage, wrong, CancellationToken.None));
        Assert.Equal(ErrorId.KeysNotTried, e.Id);
        Assert.Contains("501 more keys were not tried", e.Message, StringComparison.Ordinal);
        Assert.Contains("RESTIC_KEY_HINT", e.Message, StringComparison.Ordinal);
        // A hint that is wrong costs nothing but its one try.
        ImageRepository.Open(TestRepository.NewStorage(), password, CancellationToken.None, "00").Dispose();
    }

    [Fact]
    public void The_work_of_all_keys_together_is_bounded()
    {
        MemoryStorage storage = TestRepository.NewStorage();
        storage.Delete(StoredKind.Key, storage.Names(StoredKind.Key).Single());
        // One that is nearly free, and two that each need all the work that is done in all.
        AddDecoys(storage, 1, 2, 1, 1);
        AddDecoys(storage, 2, 1 << 17, 8, 64);
        using RepositoryPassword password = TestRepository.NewPassword();
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => ImageRepository.Open(storage, password, CancellationToken.None));
        Assert.Equal(ErrorId.KeysNotTried, e.Id);
        Assert.Contains("none of the 1 key ", e.Message, StringComparison.Ordinal);
        Assert.Contains("2 more keys were not tried", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_at_the_limit_is_given_up_when_that_is_cancelled()
    {
        MemoryStorage storage = TestRepository.NewStorage();
        storage.Delete(StoredKind.Key, storage.Names(StoredKind.Key).Single());
        AddDecoys(storage, 20, 1 << 17, 8, 64);
        using RepositoryPassword password = TestRepository.NewPassword();
        using var stop = new CancellationTokenSource();
        var opening = Task.Run(() => ImageRepository.Open(storage, password, stop.Token), CancellationToken.None);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.False(opening.IsCompleted);
        var watch = Stopwatch.StartNew();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
    }
}

/// <summary>They count what the whole process takes.</summary>
[CollectionDefinition(HostileSumsTests.Memory, DisableParallelization = true)]
public sealed class MemoryOfTheProcess;
