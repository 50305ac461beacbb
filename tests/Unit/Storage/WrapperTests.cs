using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Transfer;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>A wrapper keeps the contract of what it wraps.</summary>
public sealed class RetryingStorageContractTests : StorageContract
{
    private protected override object Open() => new RetryingStorage(new MemoryStorage(), []);
}

public sealed class CachedStorageContractTests : StorageContract
{
    private readonly TemporaryDirectory _directory = new();

    private protected override object Open() => new CachedStorage(new MemoryStorage(), RepositoryCache.Open(_directory.Path, new string('a', 64))!);

    public override void Dispose()
    {
        base.Dispose();
        _directory.Dispose();
    }
}

/// <summary>What is written beside a storage that is opened for reading is read through it as the contract says.</summary>
public sealed class ReadOnlyStorageContractTests : StorageContract
{
    private protected override object Open()
    {
        var memory = new MemoryStorage();
        return new WrittenBeside(new ReadOnlyStorage(memory, "No."), memory);
    }

    private sealed class WrittenBeside(IStorage reader, IStorage writer) : IStorage
    {
        public StorageLocation Location => reader.Location;
        public StorageTraits Traits => reader.Traits;
        public void CreateLayout(CancellationToken cancellation) => writer.CreateLayout(cancellation);
        public bool Exists(StoredKind kind, string name, CancellationToken cancellation) => reader.Exists(kind, name, cancellation);
        public IEnumerable<StoredFile> List(StoredKind kind, CancellationToken cancellation) => reader.List(kind, cancellation);
        public long LengthOf(StoredKind kind, string name, CancellationToken cancellation) => reader.LengthOf(kind, name, cancellation);
        public byte[] Load(StoredKind kind, string name, int limitBytes, CancellationToken cancellation) => reader.Load(kind, name, limitBytes, cancellation);
        public void ReadAt(StoredKind kind, string name, long offsetBytes, byte[] buffer, int countBytes, CancellationToken cancellation) =>
            reader.ReadAt(kind, name, offsetBytes, buffer, countBytes, cancellation);
        public void Save(StoredKind kind, string name, ReadOnlySpan<byte> content, CancellationToken cancellation) => writer.Save(kind, name, content, cancellation);
        public IStorageUpload BeginUpload(StoredKind kind, CancellationToken cancellation) => writer.BeginUpload(kind, cancellation);
        public void Delete(StoredKind kind, string name, CancellationToken cancellation) => writer.Delete(kind, name, cancellation);
        public void SyncDeletions(StoredKind kind, CancellationToken cancellation) => writer.SyncDeletions(kind, cancellation);
        public int RemoveAbandonedUploads(CancellationToken cancellation) => writer.RemoveAbandonedUploads(cancellation);
        public void Dispose() => reader.Dispose();
    }
}

/// <summary>What is true of one wrapper only, and of repositories on it.</summary>
public sealed class WrapperTests : IDisposable
{
    private static readonly byte[] s_content = SeededBytes.Make(1, 1000), s_other = SeededBytes.Make(2, 1000);
    private static readonly string s_name = BlobId.Of(s_content).ToString();

    private readonly TemporaryDirectory _directory = new();
    private readonly MemoryStorage _memory = new();
    private readonly FaultyStorage _asked;

    public WrapperTests() => _asked = new FaultyStorage(_memory);

    public void Dispose() => _directory.Dispose();

    private CachedStorage Cached() => new(_asked, RepositoryCache.Open(_directory.Path, new string('b', 64))!);

    private int Loads => _asked.Calls.Count(call => call.Operation == StorageOperation.Load);

    [Fact]
    public void Every_call_that_changes_something_is_refused_before_the_storage_is_asked()
    {
        var storage = new ReadOnlyStorage(_asked, "It was opened so.");
        var changes = new Dictionary<string, Action>
        {
            [nameof(IStorage.CreateLayout)] = () => storage.CreateLayout(),
            [nameof(IStorage.Save)] = () => storage.Save(StoredKind.Lock, s_name, s_content),
            [nameof(IStorage.BeginUpload)] = () => storage.BeginUpload(StoredKind.Pack),
            [nameof(IStorage.Delete)] = () => storage.Delete(StoredKind.Snapshot, s_name),
            [nameof(IStorage.SyncDeletions)] = () => storage.SyncDeletions(StoredKind.Index),
            [nameof(IStorage.RemoveAbandonedUploads)] = () => storage.RemoveAbandonedUploads(),
        };
        // What is added to the interface has to be put into one of the two.
        string[] reads = [nameof(IStorage.Exists), nameof(IStorage.List), nameof(IStorage.LengthOf), nameof(IStorage.Load), nameof(IStorage.ReadAt)];
        Assert.Equal(typeof(IStorage).GetMethods().Where(method => !method.IsSpecialName).Select(method => method.Name).Order(), changes.Keys.Concat(reads).Order());
        foreach (Action change in changes.Values)
        {
            var refusal = Assert.Throws<StorageException>(change);
            Assert.Equal((StorageProblem.ReadOnly, false, "It was opened so."), (refusal.Problem, refusal.IsTransient, refusal.Message));
        }
        Assert.Empty(_asked.Calls);
        Assert.IsNotAssignableFrom<IRetainingStorage>(storage);
    }

    [Fact]
    public void A_location_for_reading_is_opened_so_whatever_the_storage_and_stays_so_with_limits()
    {
        var place = StorageLocation.OfPath(_directory["repository"]).ForReading("No.").With(TransferLimits.Parse(["1MB"], null));
        using IStorage storage = StorageRegistry.Open(place);
        Assert.Equal(StorageProblem.ReadOnly, Assert.Throws<StorageException>(() => storage.CreateLayout()).Problem);
        Assert.False(System.IO.Directory.Exists(_directory["repository"]));
        // A bucket's past cannot be changed.
        Assert.NotNull(StorageRegistry.Parse("s3:host/bucket/x", new Dictionary<string, string> { ["s3.point-in-time"] = "2026-01-02T03:04:05Z" }).ReadOnlyReason);
        Assert.Null(StorageRegistry.Parse("s3:host/bucket/x").ReadOnlyReason);
    }

    [Fact]
    public void A_repository_that_is_opened_for_reading_is_read_without_a_lock_and_nothing_else_is_done_to_it()
    {
        MemoryStorage files = TestRepository.NewQuickStorage();
        string id;
        using (var before = new JobRig(files))
        {
            before.Volumes.Add("/mem/a", JobRig.Content("abc"));
            id = before.Backup("/mem/a").Id;
        }
        using var rig = new JobRig(files, memory => new ReadOnlyStorage(memory, "No."));
        rig.Volumes.Add("/mem/a", JobRig.Content("abcd"));
        string[] there = Everything(files);
        rig.AssertRestores(id, JobRig.Content("abc"));
        Assert.Empty(rig.Verify(id).DamagedRanges);
        Assert.Empty(rig.Repository.Check(readData: true, null, CancellationToken.None).Problems);
        JobRig.AssertFails(ErrorId.RepositoryReadOnly, () => rig.Backup("/mem/a"));
        JobRig.AssertFails(ErrorId.RepositoryReadOnly, () => rig.Repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None));
        Assert.Equal(there, Everything(files));
    }

    [Fact]
    public void What_is_loaded_or_saved_once_is_not_loaded_again_until_its_name_is_listed_no_more()
    {
        using CachedStorage storage = Cached();
        foreach (StoredKind kind in (StoredKind[])[StoredKind.Index, StoredKind.Snapshot])
        {
            storage.Save(kind, s_name, s_content);
            Assert.Equal(s_content, storage.Load(kind, s_name, 1000));
        }
        Assert.Equal(0, Loads);
        // A shorter limit than the file has is the storage's to refuse.
        Assert.Equal(StorageProblem.TooLarge, Assert.Throws<StorageException>(() => storage.Load(StoredKind.Index, s_name, 999)).Problem);
        _asked.Reset();
        // Another's.
        string other = BlobId.Of(s_other).ToString();
        _memory.Save(StoredKind.Index, other, s_other);
        Assert.Equal(s_other, storage.Load(StoredKind.Index, other, 1000));
        Assert.Equal(s_other, storage.Load(StoredKind.Index, other, 1000));
        Assert.Equal(1, Loads);
        _memory.Delete(StoredKind.Index, other);
        Assert.Single(storage.List(StoredKind.Index));
        Assert.Equal(StorageProblem.NotFound, Assert.Throws<StorageException>(() => storage.Load(StoredKind.Index, other, 1000)).Problem);
    }

    [Fact]
    public void What_is_not_its_names_is_not_kept_and_other_kinds_are_not()
    {
        using CachedStorage storage = Cached();
        storage.Save(StoredKind.Index, s_name, s_other);
        storage.Save(StoredKind.Lock, s_name, s_content);
        storage.Save(StoredKind.Key, s_name, s_content);
        foreach (StoredKind kind in (StoredKind[])[StoredKind.Index, StoredKind.Lock, StoredKind.Key])
            _ = storage.Load(kind, s_name, 1000);
        Assert.Equal(3, Loads);
        Assert.DoesNotContain(System.IO.Directory.GetFiles(_directory.Path, "*", System.IO.SearchOption.AllDirectories), path => path.EndsWith(s_name, StringComparison.Ordinal));
    }

    [Fact]
    public void Who_proves_what_lies_there_gets_nothing_that_is_kept_here()
    {
        using CachedStorage storage = Cached();
        storage.Save(StoredKind.Index, s_name, s_content);
        storage.KeepPack(s_name, s_content);
        byte[] part = new byte[10];
        Assert.True(storage.TryReadPart(s_name, 0, part, 10));
        _memory.Replace(StoredKind.Index, s_name, s_other);
        using (storage.Pass(StoredKind.Index, StoredKind.Pack))
        {
            Assert.Equal(s_other, storage.Load(StoredKind.Index, s_name, 1000));
            Assert.False(storage.TryReadPart(s_name, 0, part, 10));
        }
        Assert.Equal(s_content, storage.Load(StoredKind.Index, s_name, 1000));
        Assert.True(storage.TryReadPart(s_name, 0, part, 10));
    }

    [Fact]
    public void A_removal_reads_its_new_index_files_of_the_server_before_the_old_ones_go()
    {
        MemoryStorage files = TestRepository.NewQuickStorage();
        files.Traits = StorageTraits.Remote;
        using var rig = new JobRig(files);
        rig.Volumes.Add("/mem/a", JobRig.Content("abc"));
        rig.Volumes.Add("/mem/b", JobRig.Content("cd"));
        string gone = rig.Backup("/mem/a").Id, kept = rig.Backup("/mem/b").Id;
        rig.Repository.Files.Delete(StoredKind.Snapshot, gone);
        string[] before = files.Names(StoredKind.Index);
        // All index files are kept here: only who passes that over asks for one.
        rig.Storage.Reset();
        rig.Storage.Script = call => call is { Operation: StorageOperation.Load, Kind: StoredKind.Index } ? new StorageFault(StorageProblem.ReadError, FaultMoment.Before) : null;
        JobRig.AssertFails(ErrorId.RepositoryReadFailed, () => Prune(rig.Repository));
        Assert.Subset(files.Names(StoredKind.Index).ToHashSet(), before.ToHashSet());
        rig.Storage.Reset();
        Prune(rig.Repository);
        Assert.Contains(rig.Storage.Calls, call => call is { Operation: StorageOperation.Load, Kind: StoredKind.Index });
        rig.AssertRestores(kept, JobRig.Content("cd"));
    }

    [Fact]
    public void An_index_file_that_is_damaged_there_and_whole_here_is_found_by_who_reads_all()
    {
        MemoryStorage files = TestRepository.NewQuickStorage();
        files.Traits = StorageTraits.Remote;
        using var rig = new JobRig(files);
        rig.Volumes.Add("/mem/a", JobRig.Content("abc"));
        rig.Backup("/mem/a");
        string index = files.Names(StoredKind.Index).Single();
        byte[] content = files.Content(StoredKind.Index, index);
        content[content.Length / 2] ^= 1;
        files.Replace(StoredKind.Index, index, content);
        Assert.Contains(rig.Repository.Check(readData: true, null, CancellationToken.None).Problems, problem => problem.ErrorId == ErrorId.IndexCorrupt);
    }

    private static void Prune(ImageRepository repository) => repository.Optimize(UnusedLimit.Bytes(0), isPlan: false, null, CancellationToken.None);

    private static string[] Everything(MemoryStorage files) =>
        [.. Enum.GetValues<StoredKind>().SelectMany(kind => files.Names(kind).Select(name => $"{kind} {name}")).Order(StringComparer.Ordinal)];
}
