using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.Versioning;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>Somebody with write access to a repository's directory puts other things where its files should be.</summary>
public sealed class HostileDirectoryTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);
    private static readonly string s_name = BlobId.Of("hostile"u8).ToString();

    private readonly TemporaryDirectory _directory = new();
    private readonly string _path;
    private readonly VolumeDouble _volumes = new();

    public HostileDirectoryTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Symbolic links and pipes of Unix.");
        _path = _directory["repo"];
        TestRepository.WriteEmpty(_path);
        _volumes.Add("/mem/a", SeededBytes.Make(1, 300_000));
        Directory.CreateDirectory(_directory["outside"]);
        File.WriteAllText(_directory["outside/precious"], "precious");
    }

    public void Dispose() => _directory.Dispose();

    private ImageBackupInfo Backup()
    {
        using ImageRepository repository = TestRepository.Open(_path);
        return new BackupJob(repository, _volumes).Run(new BackupRequest { Volume = _volumes.Find("/mem/a"), ChunkSizeBytes = 64 << 10 }, null, CancellationToken.None);
    }

    [Theory]
    [InlineData("index")]
    [InlineData("snapshots")]
    [InlineData("locks")]
    [InlineData("keys")]
    public async Task A_pipe_in_a_files_place_holds_nobody(string place)
    {
        using (Process make = Process.Start("mkfifo", Path.Combine(_path, place, s_name)))
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        Task<ErrorId?> work = Task.Run(() =>
        {
            try
            {
                Backup();
                return (ErrorId?)null;
            }
            catch (ImageBackupException e)
            {
                return e.Id;
            }
        });
        Assert.True(await Task.WhenAny(work, Task.Delay(s_limit, TestContext.Current.CancellationToken)) == work, "Somebody waits at the pipe.");
        // Whatever was quiesced for the image is as it was.
        Assert.Equal(0, _volumes.QuiescedCount);
        // A snapshot and a key that are none are passed over; nobody can tell what an unreadable lock protects.
        Assert.Equal(place switch { "index" => ErrorId.IndexCorrupt, "locks" => ErrorId.RepositoryLocked, _ => null }, await work);
    }

    /// <summary>Whatever lies in the place of a file, it is not waited for, not read, and named.</summary>
    [Theory]
    [InlineData("link to a pipe", "a symbolic link")]
    [InlineData("pipe", "a pipe")]
    [InlineData("link to a file", "a symbolic link")]
    [InlineData("link to a device", "a symbolic link")]
    [InlineData("directory", "a directory")]
    public void What_is_no_regular_file_is_refused(string kind, string said)
    {
        string path = Path.Combine(_path, "snapshots", s_name);
        switch (kind)
        {
            case "pipe":
                Pipes.Make(path);
                break;
            case "link to a pipe":
                Pipes.LinkInPlace(path, _directory["pipe"]);
                break;
            case "directory":
                Directory.CreateDirectory(path);
                break;
            default:
                File.CreateSymbolicLink(path, kind == "link to a device" ? "/dev/zero" : _directory["outside/precious"]);
                break;
        }
        using var storage = new LocalStorage(_path);
        foreach (Action read in new Action[]
                 {
                     () => storage.Load(StoredKind.Snapshot, s_name, 1000),
                     () => storage.ReadAt(StoredKind.Snapshot, s_name, 0, new byte[1], 1),
                     () => storage.LengthOf(StoredKind.Snapshot, s_name),
                 })
        {
            StorageException e = Assert.Throws<StorageException>(read);
            Assert.Equal(StorageProblem.NotRegular, e.Problem);
            Assert.Contains(said, e.Message, StringComparison.Ordinal);
            Assert.Contains(s_name, e.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A directory of another repository in the place of one of ours: nothing of it goes, and nothing comes to it.</summary>
    [Theory]
    [InlineData("data")]
    [InlineData("data/xx")]
    [InlineData("index")]
    [InlineData("snapshots")]
    [InlineData("locks")]
    [InlineData("keys")]
    [InlineData("tmp")]
    public void Nothing_is_written_or_removed_through_a_linked_directory(string place)
    {
        Backup();
        string other = _directory["other"];
        Directory.CreateDirectory(other);
        for (int i = 0; i < 256; i++)
        {
            string pack = BlobId.Of([(byte)i]).ToString();
            string folder = place == "data" ? Path.Combine(other, pack[..2]) : other;
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, pack), "another's");
        }
        File.WriteAllText(Path.Combine(other, $"imagebackup-{new string([.. LocalHost.Name.Where(char.IsLetterOrDigit)])}-99999999-{Guid.NewGuid():N}"), "another's");
        string[] before = Directory.GetFiles(other, "*", SearchOption.AllDirectories);
        string linked = Path.Combine(_path, place);
        if (place == "data/xx")
            linked = Directory.GetDirectories(Path.Combine(_path, "data")).First(d => Directory.GetFileSystemEntries(d).Length == 0);
        if (Directory.Exists(linked))
            Directory.Move(linked, _directory["away"]);
        // What opens the repository stays readable: reading through a link harms nobody.
        if (place == "keys")
        {
            foreach (string key in Directory.GetFiles(_directory["away"]))
                File.Copy(key, Path.Combine(other, Path.GetFileName(key)));
            before = Directory.GetFiles(other, "*", SearchOption.AllDirectories);
        }
        Directory.CreateSymbolicLink(linked, other);

        using var storage = new LocalStorage(_path);
        StoredKind kind = place switch { "index" => StoredKind.Index, "snapshots" => StoredKind.Snapshot, "locks" => StoredKind.Lock, "keys" => StoredKind.Key, _ => StoredKind.Pack };
        string name = place == "data/xx" ? Path.GetFileName(linked) + s_name[2..] : BlobId.Of([1]).ToString();
        if (place != "tmp")
            AssertLinked(() => storage.Delete(kind, name), other);
        AssertLinked(() => storage.Save(kind, place == "data/xx" ? Path.GetFileName(linked) + s_name[2..] : s_name, "mine"u8), other);

        using (ImageRepository repository = TestRepository.Open(_path))
        {
            Attempt(() => repository.Optimize(UnusedLimit.Percent(0), isPlan: false, null, CancellationToken.None));
            Attempt(() => repository.RemoveLocks(all: true, CancellationToken.None));
            Attempt(() => repository.Repair(new RepositoryRepairOptions(), null, CancellationToken.None));
            foreach (RepositoryKeyInfo key in repository.Keys().Where(key => !key.IsCurrent))
                Attempt(() => repository.RemoveKey(key.Id, CancellationToken.None));
        }
        Attempt(() => Backup());
        Assert.Equal(before.Order(), Directory.GetFiles(other, "*", SearchOption.AllDirectories).Order());
        Assert.All(before.Where(file => File.ReadAllText(file).Length < 20), file => Assert.Equal("another's", File.ReadAllText(file)));
        Assert.True(new DirectoryInfo(linked).LinkTarget == other, "The link has gone.");

        static void Attempt(Action action)
        {
            try
            {
                action();
            }
            catch (ImageBackupException)
            {
                // What each says depends on how far it comes.
            }
        }

        static void AssertLinked(Action action, string target)
        {
            StorageException e = Assert.Throws<StorageException>(action);
            Assert.Equal(StorageProblem.Linked, e.Problem);
            Assert.Contains(target, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_backup_finds_a_linked_directory_before_it_copies_anything()
    {
        string shard = Directory.GetDirectories(Path.Combine(_path, "data")).Max()!;
        Directory.Delete(shard);
        Directory.CreateSymbolicLink(shard, _directory["outside"]);
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => Backup());
        Assert.Equal(ErrorId.RepositoryLinked, e.Id);
        Assert.Contains(shard, e.Message, StringComparison.Ordinal);
        Assert.Contains(_directory["outside"], e.Message, StringComparison.Ordinal);
        Assert.Equal(["precious"], Directory.GetFiles(Path.Combine(_path, "data"), "*", SearchOption.AllDirectories).Select(Path.GetFileName));
        Assert.Empty(Directory.GetFiles(Path.Combine(_path, "locks")));
    }

    [Fact]
    public void A_repository_whose_root_is_a_link_is_one()
    {
        Directory.Move(_path, _directory["elsewhere"]);
        Directory.CreateSymbolicLink(_path, _directory["elsewhere"]);
        Backup();
        using ImageRepository repository = TestRepository.Open(_path);
        repository.Optimize(UnusedLimit.Percent(0), isPlan: false, null, CancellationToken.None);
        TestRepository.AssertHealthy(repository);
    }

    /// <summary>Between the look and the deed somebody puts a link where the directory was: the deed is done by the directory's handle.</summary>
    [Fact]
    public async Task A_link_that_comes_in_between_is_not_followed()
    {
        string shard = Path.Combine(_path, "data", s_name[..2]), away = _directory["away"], outside = _directory["outside"];
        string inside = Path.Combine(outside, s_name);
        Directory.CreateDirectory(shard);
        using var storage = new LocalStorage(_path);
        using var stop = new CancellationTokenSource();
        Task swapping = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                Directory.Move(shard, away);
                Directory.CreateSymbolicLink(shard, outside);
                File.Delete(shard);
                Directory.Move(away, shard);
            }
        }, CancellationToken.None);
        for (int i = 0; i < 3000; i++)
        {
            File.WriteAllText(inside, "precious");
            try
            {
                storage.Delete(StoredKind.Pack, s_name);
            }
            catch (StorageException)
            {
                // It met the link, or nothing.
            }
            Assert.True(File.Exists(inside), "A file was removed through a link.");
        }
        await stop.CancelAsync();
        await swapping;
    }

    [Theory]
    [InlineData("data/a7", false)]
    [InlineData("index", false)]
    [InlineData("snapshots", false)]
    [InlineData("locks", false)]
    [InlineData("tmp", false)]
    public void A_file_in_a_directorys_place_is_called_what_it_is(string place, bool isDeadLink)
    {
        string path = Path.Combine(_path, place);
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        if (isDeadLink)
            File.CreateSymbolicLink(path, "/nowhere/at/all");
        else
            File.WriteAllText(path, "in the way");
        ImageBackupException failure = Assert.Throws<ImageBackupException>(Backup);
        Assert.Equal(ErrorId.RepositoryInvalid, failure.Id);
        Assert.Contains($"{path}:", failure.Message);
        Assert.Contains(isDeadLink ? "a link" : "is a file", failure.Message);
        Assert.Contains(path, failure.RecommendedAction);
        File.Delete(path);
        Backup();
    }

    [Fact]
    public void Nothing_outside_is_changed_or_removed_through_a_link()
    {
        string outside = _directory["outside"], precious = Path.Combine(outside, "precious");
        // A file of the repository that is a link, and leftovers in tmp that are.
        File.CreateSymbolicLink(Path.Combine(_path, "snapshots", s_name), precious);
        Directory.CreateDirectory(Path.Combine(_path, "tmp"));
        File.CreateSymbolicLink(Path.Combine(_path, "tmp", $"imagebackup-{new string([.. LocalHost.Name.Where(char.IsLetterOrDigit)])}-99999999-{Guid.NewGuid():N}"), precious);
        Backup();
        using (ImageRepository repository = TestRepository.Open(_path))
        {
            RepositoryRepairResult repair = repository.Repair(new RepositoryRepairOptions { ReadData = true, RemoveUnreadable = true }, null, CancellationToken.None);
            Assert.Equal([s_name], repair.RemovedSnapshots);
        }
        Assert.Equal("precious", File.ReadAllText(precious));
        Assert.Equal([precious], Directory.GetFileSystemEntries(outside));
        Assert.False(File.Exists(Path.Combine(_path, "snapshots", s_name)));
    }

    [Fact]
    public void Names_that_are_none_are_passed_over()
    {
        foreach (string name in new[] { "..x", "README", s_name[..63], s_name + "0", s_name.ToUpperInvariant(), "-rf", "a b" })
        {
            File.WriteAllText(Path.Combine(_path, "snapshots", name), "x");
            File.WriteAllText(Path.Combine(_path, "index", name), "x");
        }
        Directory.CreateDirectory(Path.Combine(_path, "index", BlobId.Of("d"u8).ToString()));
        ImageBackupInfo image = Backup();
        using ImageRepository repository = TestRepository.Open(_path);
        TestRepository.AssertHealthy(repository);
        Assert.Equal(image.Id, Assert.Single(new ImageCatalog(repository).List(new ImageFilter(), e => Assert.Fail(e.ToString()), CancellationToken.None)).Id);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Every_file_is_the_owners_alone()
    {
        Backup();
        foreach (string file in Directory.GetFiles(_path, "*", SearchOption.AllDirectories))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        foreach (string directory in Directory.GetDirectories(_path, "*", SearchOption.AllDirectories))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
    }
}
