using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup;

/// <summary>Every call on the storage fails once, in each way that it can: what a backup leaves then.</summary>
public sealed class BackupFaultTests
{
    private static readonly byte[] s_content = [.. JobRig.Content("abcd0efga"), .. SeededBytes.Make(50, 999)];
    private const int DistinctCount = 8; // a–g and the tail

    /// <summary>Failures that a call can meet, and the id under which a user learns of it.</summary>
    private static IEnumerable<(StorageFault Fault, ErrorId Id)> Faults(StorageCall call)
    {
        switch (call.Operation)
        {
            case StorageOperation.Save or StorageOperation.Commit:
                yield return (new(StorageProblem.WriteError, FaultMoment.After), ErrorId.RepositoryWriteFailed);
                yield return (new(StorageProblem.Full, FaultMoment.Before), ErrorId.RepositoryFull);
                break;
            case StorageOperation.Append:
                yield return (new(StorageProblem.Full, FaultMoment.Torn), ErrorId.RepositoryFull);
                break;
            case StorageOperation.BeginUpload:
                yield return (new(StorageProblem.AccessDenied, FaultMoment.Before), ErrorId.RepositoryAccessDenied);
                yield return (new(StorageProblem.ReadOnly, FaultMoment.Before), ErrorId.RepositoryReadOnly);
                break;
            case StorageOperation.Delete or StorageOperation.RemoveAbandonedUploads:
                yield return (new(StorageProblem.WriteError, FaultMoment.Before), ErrorId.RepositoryWriteFailed);
                break;
            default:
                yield return (new(StorageProblem.ReadError, FaultMoment.Before), ErrorId.RepositoryReadFailed);
                break;
        }
    }

    [Fact]
    public void Whatever_call_fails_the_repository_stays_whole_and_the_next_backup_succeeds()
    {
        List<StorageCall> calls;
        using (JobRig rig = NewRig())
        {
            rig.Storage.Reset();
            rig.Backup("/mem/a", OneWorker);
            calls = [.. rig.Storage.Calls];
        }
        // All kinds of calls take part, or this proves nothing.
        foreach (StorageOperation operation in new[] { StorageOperation.List, StorageOperation.Load, StorageOperation.Save, StorageOperation.BeginUpload, StorageOperation.Append, StorageOperation.Commit, StorageOperation.Delete, StorageOperation.RemoveAbandonedUploads })
            Assert.Contains(calls, c => c.Operation == operation);
        Assert.Contains(calls, c => c is { Operation: StorageOperation.Save, Kind: StoredKind.Snapshot });
        Assert.Contains(calls, c => c is { Operation: StorageOperation.Save, Kind: StoredKind.Index });

        var failures = new ConcurrentQueue<string>();
        // Most of the time is the lock's waiting: many at once.
        Parallel.ForEach(calls.SelectMany(call => Faults(call).Select(f => (call, f.Fault, f.Id))), new ParallelOptions { MaxDegreeOfParallelism = 12 }, NewRig, (test, _, rig) =>
        {
            (StorageCall call, StorageFault fault, ErrorId id) = test;
            try
            {
                Fail(rig, call, fault, id);
                return rig;
            }
            catch (Exception e)
            {
                failures.Enqueue($"{call} {fault}: {e.Message}");
                rig.Dispose();
                return NewRig();
            }
        }, rig => rig.Dispose());
        Assert.True(failures.IsEmpty, string.Join(Environment.NewLine, failures));
    }

    private static void Fail(JobRig rig, StorageCall failing, StorageFault fault, ErrorId id)
    {
        // A volume of its own for each test, so that the rigs can be used again without their chunks being known.
        string name = "/mem/" + Guid.NewGuid().ToString("N");
        byte[] content = Own(name);
        rig.Volumes.Add(name, content);
        string[] earlier = rig.Memory.Names(StoredKind.Snapshot);
        HashSet<BlobId> known = Chunks(content);

        rig.Storage.Reset();
        rig.Storage.Script = call => call == failing ? fault : null;
        bool isUnlock = failing is { Operation: StorageOperation.Delete, Kind: StoredKind.Lock };
        // The image before is only a shortcut.
        bool isParent = failing is { Operation: StorageOperation.List or StorageOperation.Load, Kind: StoredKind.Snapshot };
        if (isUnlock || isParent)
        {
            // The image is whole; a lock goes stale by itself. Nothing is to be told.
            rig.Backup(name, OneWorker);
        }
        else
        {
            Assert.Equal(id, Assert.Throws<ImageBackupException>(() => rig.Backup(name, OneWorker)).Id);
        }
        Assert.True(rig.Storage.FaultCount == 1, "The call did not take place.");
        rig.Storage.Reset();

        bool landed = isUnlock || isParent || failing is { Operation: StorageOperation.Save, Kind: StoredKind.Snapshot } && fault.Moment == FaultMoment.After;
        Assert.Equal(earlier.Length + (landed ? 1 : 0), rig.SnapshotCount);
        Assert.Equal(0, rig.Memory.OpenUploadCount);
        if (isUnlock || failing is { Operation: StorageOperation.Save, Kind: StoredKind.Lock } && fault.Moment == FaultMoment.After)
            rig.Repository.RemoveLocks(all: true, CancellationToken.None);
        TestRepository.AssertHealthy(rig.Repository);

        int indexed = known.Count(chunk => rig.Repository.LoadIndex(CancellationToken.None).Contains(chunk, BlobType.Data));
        ImageBackupInfo next = rig.Backup(name, OneWorker);
        // A pack that landed is reused, whether or not its writer lived to hear of it.
        bool isPackLanded = failing is { Operation: StorageOperation.Commit, Kind: StoredKind.Pack } && fault.Moment == FaultMoment.After;
        Assert.Equal(isPackLanded ? 0 : known.Count - indexed, next.NewChunkCount);
        rig.AssertRestores(next.Id, content);
        foreach (string snapshot in rig.Memory.Names(StoredKind.Snapshot).Except(earlier))
            rig.Memory.Delete(StoredKind.Snapshot, snapshot);
    }

    /// <summary>Packs that landed before the failure are found by the next backup, wherever the failure came.</summary>
    [Theory]
    [InlineData(StorageOperation.Append, StoredKind.Pack, 130)]
    [InlineData(StorageOperation.Commit, StoredKind.Pack, 1)]
    [InlineData(StorageOperation.Commit, StoredKind.Pack, 3)]
    [InlineData(StorageOperation.Save, StoredKind.Snapshot, 0)]
    public void What_landed_is_reused(Enum operationValue, Enum kindValue, int number)
    {
        var operation = (StorageOperation)operationValue;
        var kind = (StoredKind)kindValue;
        using var rig = new JobRig();
        byte[] content = SeededBytes.Make(77, 40 << 20);
        rig.Volumes.Add("/mem/a", content);
        BackupRequest Request(BackupRequest r) => r with { ChunkSizeBytes = 256 << 10, ThrottleLimit = 1 };
        rig.Storage.Reset();
        rig.Storage.Script = call => call == new StorageCall(operation, kind, number) ? new StorageFault(StorageProblem.Full, FaultMoment.Before) : null;
        JobRig.AssertFails(ErrorId.RepositoryFull, () => rig.Backup("/mem/a", Request));
        rig.Storage.Reset();

        int landed = rig.Memory.Names(StoredKind.Pack).Length;
        Assert.True(landed > 0);
        RepositoryCheckResult check = TestRepository.AssertHealthy(rig.Repository);
        Assert.Equal(0, check.UnreferencedPackCount);
        ImageBackupInfo next = rig.Backup("/mem/a", Request);
        // A pack holds 63 or 64 of the 160 chunks.
        Assert.InRange(next.NewChunkCount!.Value, 0, 160 - 63 * Math.Min(2, landed));
        rig.AssertRestores(next.Id, content);
    }

    /// <summary>On a real directory: no temporary file, no lock, and what is there checks whole.</summary>
    [Fact]
    public void On_a_directory_nothing_is_left_behind()
    {
        using var directory = new TemporaryDirectory();
        TestRepository.Create(directory["repo"]).Dispose();
        using var local = new LocalStorage(directory["repo"]);
        using var storage = new FaultyStorage(local);
        using ImageRepository repository = TestRepository.Open(storage);
        using var rig = new JobRig();
        rig.Volumes.Add("/mem/a", s_content);
        var request = new BackupRequest { Volume = rig.Volumes.Find("/mem/a"), ChunkSizeBytes = JobRig.ChunkBytes };
        StorageCall[] failing =
        [
            new(StorageOperation.Append, StoredKind.Pack, 3),
            new(StorageOperation.Commit, StoredKind.Pack, 0),
            new(StorageOperation.Save, StoredKind.Index, 0),
            new(StorageOperation.Save, StoredKind.Snapshot, 0),
        ];
        foreach (StorageCall fails in failing)
        {
            storage.Reset();
            storage.Script = call => call == fails ? new StorageFault(StorageProblem.Full, call.Operation == StorageOperation.Append ? FaultMoment.Torn : FaultMoment.Before) : null;
            JobRig.AssertFails(ErrorId.RepositoryFull, () => new BackupJob(repository, rig.Volumes).Run(request, null, CancellationToken.None));
            storage.Reset();
            Assert.Empty(Directory.GetFiles(Path.Combine(directory["repo"], "tmp")));
            Assert.Empty(Directory.GetFiles(Path.Combine(directory["repo"], "locks")));
            Assert.Empty(Directory.GetFiles(Path.Combine(directory["repo"], "snapshots")));
            TestRepository.AssertHealthy(repository);
        }
        string id = new BackupJob(repository, rig.Volumes).Run(request, null, CancellationToken.None).Id;
        new RestoreJob(repository, rig.Volumes).Run(new RestoreRequest { ImageId = id, Destination = directory["out"] }, null, CancellationToken.None);
        Assert.Equal(s_content, File.ReadAllBytes(directory["out"]));
        TestRepository.AssertHealthy(repository);
    }

    /// <summary>A restore whose storage fails: the id, and no file.</summary>
    [Fact]
    public void A_restore_from_a_failing_storage_leaves_no_file()
    {
        using JobRig rig = NewRig();
        string id = rig.Backup("/mem/a", OneWorker).Id;
        rig.Storage.Reset();
        rig.Restore(id, rig.File("good"));
        List<StorageCall> calls = [.. rig.Storage.Calls.Where(c => c is not { Operation: StorageOperation.Delete or StorageOperation.Save })];
        Assert.Contains(calls, c => c is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Pack, Number: >= 2 });
        foreach (StorageCall failing in calls)
        {
            rig.Storage.Reset();
            rig.Storage.Script = call => call == failing ? new StorageFault(StorageProblem.ReadError, FaultMoment.Before) : null;
            JobRig.AssertFails(ErrorId.RepositoryReadFailed, () => rig.Restore(id, rig.File("out")));
            rig.Storage.Reset();
            Assert.Equal([rig.File("good")], Directory.GetFileSystemEntries(Path.GetDirectoryName(rig.File("out"))!));
            Assert.Empty(rig.Repository.Locks());
        }
    }

    private static JobRig NewRig()
    {
        var rig = new JobRig();
        rig.Volumes.Add("/mem/a", s_content);
        // So that there is an index to be read; of the same length, so that used.ranges and the zero chunk are stored already, as they are later on.
        rig.Volumes.Add("/mem/earlier", JobRig.Content("0zzzzzzzz", s_content.Length - 9 * JobRig.ChunkBytes));
        rig.Backup("/mem/earlier");
        return rig;
    }

    private static BackupRequest OneWorker(BackupRequest request) => request with { ThrottleLimit = 1 };

    private static byte[] Own(string name)
    {
        byte[] content = (byte[])s_content.Clone();
        for (int offset = 0; offset < content.Length; offset += JobRig.ChunkBytes)
        {
            // Not the zero chunk, and the repeated one stays repeated.
            if (content[offset] != 0)
                BlobId.Of(System.Text.Encoding.UTF8.GetBytes(name)).CopyTo(content.AsSpan(offset + 1));
        }
        return content;
    }

    private static HashSet<BlobId> Chunks(byte[] content)
    {
        var chunks = new HashSet<BlobId>();
        for (int offset = 0; offset < content.Length; offset += JobRig.ChunkBytes)
        {
            ReadOnlySpan<byte> chunk = content.AsSpan(offset, Math.Min(JobRig.ChunkBytes, content.Length - offset));
            if (chunk.IndexOfAnyExcept((byte)0) >= 0)
                chunks.Add(BlobId.Of(chunk));
        }
        Assert.Equal(DistinctCount, chunks.Count);
        return chunks;
    }
}
