using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>The contract, on a directory.</summary>
public sealed class LocalStorageContractTests : StorageContract
{
    private readonly TemporaryDirectory _directory = new();

    private protected override object Open()
    {
        var storage = new LocalStorage(_directory["repo"]);
        storage.CreateLayout();
        return storage;
    }

    public override void Dispose()
    {
        base.Dispose();
        // Whatever a test of the contract did: no temporary file may be left.
        string temporary = Path.Combine(_directory["repo"], "tmp");
        string[] left = Directory.Exists(temporary) ? Directory.GetFiles(temporary) : [];
        _directory.Dispose();
        Assert.Empty(left);
    }
}

/// <summary>What is true of a directory only.</summary>
public sealed class LocalStorageTests : IDisposable
{
    private static readonly string s_name = BlobId.Of("x"u8).ToString();

    private readonly TemporaryDirectory _directory = new();
    private readonly LocalStorage _storage;

    public LocalStorageTests()
    {
        _storage = new LocalStorage(_directory["repo"]);
        _storage.CreateLayout();
    }

    public void Dispose()
    {
        _storage.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Files_lie_where_restic_looks_for_them()
    {
        _storage.Save(StoredKind.Config, "", [1]);
        _storage.Save(StoredKind.Key, s_name, [1]);
        _storage.Save(StoredKind.Lock, s_name, [1]);
        _storage.Save(StoredKind.Snapshot, s_name, [1]);
        _storage.Save(StoredKind.Index, s_name, [1]);
        _storage.Save(StoredKind.Pack, s_name, [1]);
        string[] files = Directory.GetFiles(_directory["repo"], "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(_directory["repo"], f).Replace('\\', '/')).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(["config", $"data/{s_name[..2]}/{s_name}", "index/" + s_name, "keys/" + s_name, "locks/" + s_name, "snapshots/" + s_name], files);
    }

    /// <summary>At no moment does more than a few MiB of a pack wait in memory without the system having been told to write it; so little is left to its flush.</summary>
    [Theory]
    [InlineData(300_000)]
    [InlineData(5 << 20)]
    public void What_a_packs_flush_waits_for_is_under_way_before(int partBytes)
    {
        const int leftBytes = 4 << 20;
        var steps = new RecordingFileSteps();
        using (var storage = new LocalStorage(_directory["repo"], steps))
        {
            using IStorageUpload upload = storage.BeginUpload(StoredKind.Pack, CancellationToken.None);
            byte[] part = SeededBytes.Make(1, partBytes);
            for (int doneBytes = 0; doneBytes < 17 << 20; doneBytes += partBytes)
                upload.Append(part, 0, partBytes, CancellationToken.None);
            upload.Commit(s_name, CancellationToken.None);
        }
        long waitingBytes = 0;
        FileStep[] ofFile = [.. steps.Steps.Where(step => step.File == 0)];
        Assert.Contains(ofFile, step => step.Kind == FileStepKind.Flush);
        foreach (FileStep step in ofFile)
        {
            waitingBytes = step.Kind == FileStepKind.Writeback ? 0 : waitingBytes + (step.Content?.Length ?? 0);
            Assert.InRange(waitingBytes, 0, leftBytes + partBytes - 1);
            if (step.Kind == FileStepKind.Flush)
                Assert.InRange(waitingBytes, 0, leftBytes - 1);
        }
    }

    [Fact]
    public void Files_and_directories_are_for_their_owner_only()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no mode bits; the directory's ACL is inherited.");
            return;
        }
        _storage.Save(StoredKind.Pack, s_name, [1]);
        foreach (string file in Directory.GetFiles(_directory["repo"], "*", SearchOption.AllDirectories))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        foreach (string directory in Directory.GetDirectories(_directory["repo"], "*", SearchOption.AllDirectories).Append(_directory["repo"]))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
    }

    [Fact]
    public void Strangers_are_not_listed()
    {
        File.WriteAllText(Path.Combine(_directory["repo"], "index", "README.txt"), "?");
        File.WriteAllText(Path.Combine(_directory["repo"], "index", s_name.ToUpperInvariant().Replace('0', 'A')), "?");
        Directory.CreateDirectory(Path.Combine(_directory["repo"], "index", s_name));
        File.WriteAllText(Path.Combine(_directory["repo"], "data", s_name), "?");
        Directory.CreateDirectory(Path.Combine(_directory["repo"], "data", "lost+found"));
        Assert.Empty(_storage.List(StoredKind.Index));
        Assert.Empty(_storage.List(StoredKind.Pack));
    }

    [Fact]
    public void A_missing_directory_lists_nothing_and_is_made_when_it_is_needed()
    {
        _storage.Save(StoredKind.Config, "", [1]);
        foreach (string name in new[] { "tmp", "snapshots", Path.Combine("data", s_name[..2]) })
            Directory.Delete(Path.Combine(_directory["repo"], name));
        Assert.Empty(_storage.List(StoredKind.Snapshot));
        Assert.Equal(0, _storage.RemoveAbandonedUploads());
        _storage.Save(StoredKind.Snapshot, s_name, [1]);
        _storage.Save(StoredKind.Pack, s_name, [2]);
        Assert.Equal([1], _storage.Load(StoredKind.Snapshot, s_name, 1));
        Assert.Equal([2], _storage.Load(StoredKind.Pack, s_name, 1));
    }

    [Fact]
    public void A_repository_that_went_away_is_no_empty_one()
    {
        GoAway();
        foreach (StoredKind kind in new[] { StoredKind.Pack, StoredKind.Index, StoredKind.Snapshot, StoredKind.Lock })
        {
            Assert.Equal(StorageProblem.ReadError, Assert.Throws<StorageException>(() => _storage.List(kind)).Problem);
            Assert.Equal(StorageProblem.WriteError, Assert.Throws<StorageException>(() => _storage.Delete(kind, s_name)).Problem);
        }
    }

    [Fact]
    public void Nothing_is_written_where_a_repository_went_away()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows moves no directory with an open file in it.");
        using (IStorageUpload begun = _storage.BeginUpload(StoredKind.Pack))
        {
            begun.Append([1], 0, 1);
            GoAway();
            Assert.Equal(StorageProblem.WriteError, Assert.Throws<StorageException>(() => begun.Commit(s_name)).Problem);
        }
        Assert.Equal(StorageProblem.WriteError, Assert.Throws<StorageException>(() => _storage.BeginUpload(StoredKind.Pack)).Problem);
        Assert.Equal(StorageProblem.WriteError, Assert.Throws<StorageException>(() => _storage.Save(StoredKind.Snapshot, s_name, [1])).Problem);
        Assert.Empty(Directory.GetFileSystemEntries(_directory["repo"]));
    }

    /// <summary>Leaves what an unmounted share does: an empty mount point.</summary>
    private void GoAway()
    {
        _storage.Save(StoredKind.Config, "", [1]);
        Directory.Move(_directory["repo"], _directory["elsewhere"]);
        Directory.CreateDirectory(_directory["repo"]);
    }

    [Fact]
    public void Files_that_come_and_go_under_a_listing_are_no_failure_and_hide_no_other()
    {
        string[] names = Enumerable.Range(0, 400).Select(i => BlobId.Of(BitConverter.GetBytes(i)).ToString()).ToArray();
        string[] staying = names[..200];
        foreach (string name in staying)
            _storage.Save(StoredKind.Lock, name, [1]);
        bool hasEnded = false;
        var churn = new Thread(() =>
        {
            // Not by the storage: its syncs are slow, and this is to be as fast as it can be.
            while (!Volatile.Read(ref hasEnded))
            {
                foreach (string name in names[200..])
                    File.WriteAllText(Path.Combine(_directory["repo"], "locks", name), "1");
                foreach (string name in names[200..])
                    File.Delete(Path.Combine(_directory["repo"], "locks", name));
            }
        });
        churn.Start();
        try
        {
            for (int i = 0; i < 200; i++)
                Assert.Superset(staying.ToHashSet(), _storage.List(StoredKind.Lock).Select(file => file.Name).ToHashSet());
        }
        finally
        {
            Volatile.Write(ref hasEnded, true);
            churn.Join();
        }
    }

    [Fact]
    public void Left_overs_of_dead_writers_go_and_others_stay()
    {
        string temporary = Path.Combine(_directory["repo"], "tmp");
        using (Process ended = Process.Start(new ProcessStartInfo(OperatingSystem.IsWindows() ? "hostname" : "true") { RedirectStandardOutput = true })!)
        {
            ended.WaitForExit();
            string machine = new(Environment.MachineName.Where(char.IsLetterOrDigit).ToArray());
            File.WriteAllText(Path.Combine(temporary, $"imagebackup-{machine}-{ended.Id}-{Guid.NewGuid():N}"), "dead");
            File.WriteAllText(Path.Combine(temporary, $"imagebackup-{machine}-{Environment.ProcessId}-{Guid.NewGuid():N}"), "alive");
            File.WriteAllText(Path.Combine(temporary, $"imagebackup-another{machine}-{ended.Id}-{Guid.NewGuid():N}"), "elsewhere");
            File.WriteAllText(Path.Combine(temporary, "pack-tmp-1234"), "restic's");
        }
        Assert.Equal(1, _storage.RemoveAbandonedUploads());
        Assert.Equal(["alive", "elsewhere", "restic's"], Directory.GetFiles(temporary).Select(File.ReadAllText).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_failed_commit_can_be_neither_continued_nor_is_it_left_behind()
    {
        using (IStorageUpload upload = _storage.BeginUpload(StoredKind.Index))
        {
            upload.Append([1], 0, 1);
            // A file where the directory should be: the rename cannot succeed.
            Directory.Delete(Path.Combine(_directory["repo"], "index"));
            File.WriteAllText(Path.Combine(_directory["repo"], "index"), "in the way");
            Assert.Throws<StorageException>(() => upload.Commit(s_name));
            Assert.Equal(StorageProblem.WriteError, Assert.Throws<StorageException>(() => upload.Append([1], 0, 1)).Problem);
        }
        Assert.Empty(Directory.GetFiles(Path.Combine(_directory["repo"], "tmp")));
    }

    [Fact]
    public void More_files_than_handles_are_read()
    {
        string[] names = Enumerable.Range(0, 40).Select(i => BlobId.Of(BitConverter.GetBytes(i)).ToString()).ToArray();
        foreach (string name in names)
            _storage.Save(StoredKind.Pack, name, SeededBytes.Make(name[0], 100));
        byte[] buffer = new byte[100];
        for (int round = 0; round < 3; round++)
        {
            foreach (string name in names)
            {
                _storage.ReadAt(StoredKind.Pack, name, 0, buffer, 100);
                Assert.Equal(SeededBytes.Make(name[0], 100), buffer);
            }
        }
        if (OperatingSystem.IsLinux())
        {
            Assert.InRange(OpenFiles.Below(_directory["repo"]), 1, 16);
        }
    }
}
