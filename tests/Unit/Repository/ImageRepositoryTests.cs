using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>Creating and opening, and every way in which that is refused.</summary>
public sealed class ImageRepositoryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Created_and_opened()
    {
        using ImageRepository created = TestRepository.Create(_directory["new/repo"]);
        using ImageRepository opened = TestRepository.Open(_directory["new/repo"]);
        Assert.Equal((created.Id, 2, created.KeyName, _directory["new/repo"]), (opened.Id, opened.FormatVersion, opened.KeyName, opened.Location));
        Assert.Equal(64, opened.Id.Length);
        TestRepository.AssertHealthy(opened);
        Directory.CreateDirectory(_directory["empty"]);
        TestRepository.Create(_directory["empty"]).Dispose();
    }

    [Fact]
    public void Not_where_something_is()
    {
        TestRepository.Create(_directory["repo"]).Dispose();
        AssertFails(ErrorId.RepositoryExists, () => TestRepository.Create(_directory["repo"]));
        Directory.CreateDirectory(_directory["other"]);
        File.WriteAllText(_directory["other/file"], "precious");
        AssertFails(ErrorId.RepositoryExists, () => TestRepository.Create(_directory["other"]));
        AssertFails(ErrorId.RepositoryExists, () => TestRepository.Create(_directory["other/file"]));
        Assert.Equal(["precious"], Directory.GetFiles(_directory["other"]).Select(File.ReadAllText));
        TestRepository.Open(_directory["repo"]).Dispose();
    }

    /// <summary>A new file system's root is empty but for what is its own, which nobody else may look into.</summary>
    [Theory]
    [InlineData("lost+found")]
    [InlineData("System Volume Information")]
    public void In_the_root_of_a_new_file_system(string own)
    {
        Directory.CreateDirectory(_directory[$"root/{own}"]);
        File.WriteAllText(_directory[$"root/{own}/#123"], "found");
        TestRepository.Create(_directory["root"]).Dispose();
        Assert.True(File.Exists(_directory[$"root/{own}/#123"]));
        Directory.CreateDirectory(_directory["second"]);
        File.WriteAllText(_directory[$"second/{own}"], "a file of that name is somebody's");
        AssertFails(ErrorId.RepositoryExists, () => TestRepository.Create(_directory["second"]));
    }

    [Fact]
    public void No_repository()
    {
        AssertFails(ErrorId.RepositoryNotFound, () => TestRepository.Open(_directory["nowhere"]));
        AssertFails(ErrorId.RepositoryNotFound, () => TestRepository.Open(_directory.Path));
        File.WriteAllText(_directory["file"], "x");
        AssertFails(ErrorId.RepositoryNotFound, () => TestRepository.Open(_directory["file"]));
        Assert.Equal([_directory["file"]], Directory.GetFileSystemEntries(_directory.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void No_path(string path)
    {
        AssertFails(ErrorId.ParameterInvalid, () => TestRepository.Open(path));
        AssertFails(ErrorId.ParameterInvalid, () => TestRepository.Create(path));
    }

    [Fact]
    public void Passwords()
    {
        TestRepository.Create(_directory["repo"]).Dispose();
        string[] before = Files();
        using RepositoryPassword wrong = TestRepository.NewPassword("wrong"), empty = TestRepository.NewPassword("");
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => ImageRepository.Open(_directory["repo"], wrong, CancellationToken.None));
        Assert.Equal(ErrorId.WrongPassword, e.Id);
        Assert.DoesNotContain("wrong", e.ToString().Replace("WrongPassword", "", StringComparison.Ordinal), StringComparison.Ordinal);
        AssertFails(ErrorId.WrongPassword, () => ImageRepository.Open(_directory["repo"], empty, CancellationToken.None));
        AssertFails(ErrorId.PasswordMissing, () => ImageRepository.Create(_directory["second"], empty, CancellationToken.None));
        Assert.False(Directory.Exists(_directory["second"]));
        Assert.Equal(before, Files());

        using var secret = new SecureString();
        foreach (char c in TestRepository.Password)
            secret.AppendChar(c);
        using RepositoryPassword secure = RepositoryPassword.From(secret);
        ImageRepository.Open(_directory["repo"], secure, CancellationToken.None).Dispose();

        string[] Files() => Directory.GetFiles(_directory["repo"], "*", SearchOption.AllDirectories);
    }

    [Fact]
    public void A_password_that_was_disposed_is_zeroed_and_refused()
    {
        byte[] bytes = [1, 2, 3];
        RepositoryPassword password = RepositoryPassword.FromUtf8(bytes);
        using RepositoryPassword copy = password.Copy();
        password.Dispose();
        Assert.Equal([0, 0, 0], bytes);
        Assert.Throws<ObjectDisposedException>(() => password.IsEmpty);
        Assert.False(copy.IsEmpty);
    }

    [Fact]
    public void Damage_to_what_opens_it()
    {
        MemoryStorage good = TestRepository.NewStorage();
        string key = good.Names(StoredKind.Key).Single();
        MemoryStorage Damaged(StoredKind kind, string name, Func<byte[], byte[]?> change)
        {
            MemoryStorage storage = good.Clone();
            if (change(storage.Content(kind, name)) is { } content)
                storage.Replace(kind, name, content);
            else
                storage.Delete(kind, name);
            return storage;
        }

        static byte[] Flip(byte[] content)
        {
            content[content.Length / 2] ^= 1;
            return content;
        }

        AssertFails(ErrorId.KeyCorrupt, () => TestRepository.Open(Damaged(StoredKind.Key, key, Flip)));
        AssertFails(ErrorId.KeyCorrupt, () => TestRepository.Open(Damaged(StoredKind.Key, key, c => c[..^10])));
        AssertFails(ErrorId.KeyCorrupt, () => TestRepository.Open(Damaged(StoredKind.Key, key, _ => [])));
        AssertFails(ErrorId.KeyCorrupt, () => TestRepository.Open(Damaged(StoredKind.Key, key, _ => new byte[2 << 20])));
        AssertFails(ErrorId.RepositoryInvalid, () => TestRepository.Open(Damaged(StoredKind.Key, key, _ => null)));
        AssertFails(ErrorId.RepositoryInvalid, () => TestRepository.Open(Damaged(StoredKind.Config, "", Flip)));
        AssertFails(ErrorId.RepositoryInvalid, () => TestRepository.Open(Damaged(StoredKind.Config, "", c => c[..^1])));
        AssertFails(ErrorId.RepositoryInvalid, () => TestRepository.Open(Damaged(StoredKind.Config, "", _ => [])));

        // On a directory, where "there are keys but no config" can be told from "there is nothing".
        TestRepository.Create(_directory["repo"]).Dispose();
        File.Delete(_directory["repo/config"]);
        AssertFails(ErrorId.RepositoryInvalid, () => TestRepository.Open(_directory["repo"]));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(3, false)]
    [InlineData(int.MaxValue, false)]
    public void Format_versions(int version, bool isKnown)
    {
        MemoryStorage storage = TestRepository.NewStorage();
        using (ImageRepository repository = TestRepository.Open(storage))
        {
            storage.Delete(StoredKind.Config, "");
            repository.Files.SaveSealed(StoredKind.Config, (RepositoryConfig.Create() with { Version = version }).Write(), 2, repository.Sealers);
        }
        if (!isKnown)
        {
            AssertFails(ErrorId.RepositoryVersionUnsupported, () => TestRepository.Open(storage));
            return;
        }
        using ImageRepository old = TestRepository.Open(storage);
        AssertFails(ErrorId.RepositoryVersionUnsupported, old.ThrowIfNotWritable);
    }

    [Fact]
    public void Whatever_call_fails_while_it_is_opened_or_created_gives_an_error_of_ours()
    {
        var calls = new List<(bool IsCreation, StorageCall Call)>();
        using (var storage = new FaultyStorage(TestRepository.NewStorage()))
        {
            TestRepository.Open(storage).Dispose();
            calls.AddRange(storage.Calls.Select(call => (false, call)));
            using var creating = new FaultyStorage(new MemoryStorage());
            using RepositoryPassword password = TestRepository.NewPassword();
            ImageRepository.Create(creating, password, CancellationToken.None).Dispose();
            calls.AddRange(creating.Calls.Select(call => (true, call)));
        }
        Assert.Contains(calls, c => c.Call is { Operation: StorageOperation.Save, Kind: StoredKind.Config });
        foreach ((bool isCreation, StorageCall failing) in calls.Distinct())
        {
            bool isWrite = failing.Operation == StorageOperation.Save;
            using var storage = new FaultyStorage(isCreation ? new MemoryStorage() : TestRepository.NewStorage());
            storage.Script = call => call == failing ? new StorageFault(isWrite ? StorageProblem.Full : StorageProblem.AccessDenied, FaultMoment.Before) : null;
            using RepositoryPassword password = TestRepository.NewPassword();
            AssertFails(isWrite ? ErrorId.RepositoryFull : ErrorId.RepositoryAccessDenied, () =>
                (isCreation ? ImageRepository.Create(storage, password, CancellationToken.None) : ImageRepository.Open(storage, password, CancellationToken.None)).Dispose());
        }
    }

    /// <summary>A creation that ends at any call leaves what the next one finishes, or what is a whole repository.</summary>
    [Fact]
    public void A_creation_that_was_killed_is_finished_by_the_next()
    {
        int count;
        using (var inner = new LocalStorage(_directory["count"]))
        using (var counting = new FaultyStorage(inner))
        using (RepositoryPassword password = TestRepository.NewPassword())
        {
            ImageRepository.Create(counting, password, CancellationToken.None).Dispose();
            count = counting.Calls.Count;
        }
        foreach (FaultMoment moment in new[] { FaultMoment.Before, FaultMoment.After })
        {
            for (int killed = 0; killed < count; killed++)
            {
                string path = _directory[$"{moment}-{killed}"];
                using var inner = new LocalStorage(path);
                using var storage = new FaultyStorage(inner);
                int calls = 0, at = killed;
                storage.Script = _ => Interlocked.Increment(ref calls) - 1 is var call && call >= at
                    ? new StorageFault(StorageProblem.WriteError, call == at ? moment : FaultMoment.Before)
                    : null;
                using RepositoryPassword password = TestRepository.NewPassword();
                Assert.Throws<ImageBackupException>(() => ImageRepository.Create(storage, password, CancellationToken.None));
                if (!File.Exists(Path.Combine(path, "config")))
                {
                    TestRepository.Create(path).Dispose();
                    Assert.Single(Directory.GetFiles(Path.Combine(path, "keys")));
                }
                using ImageRepository repository = TestRepository.Open(path);
                TestRepository.AssertHealthy(repository);
                AssertFails(ErrorId.RepositoryExists, () => TestRepository.Create(path));
            }
        }
    }

    [Fact]
    public void What_lacks_its_config_and_holds_anything_is_not_created_anew()
    {
        TestRepository.Create(_directory["repo"]).Dispose();
        File.Delete(_directory["repo/config"]);
        foreach (string file in new[] { "data/ab/" + new string('a', 64), "index/" + new string('a', 64), "snapshots/" + new string('a', 64), "locks/" + new string('a', 64), "keys/notes.txt", "tmp/mine", "data/x", "letter.txt" })
        {
            File.WriteAllText(_directory["repo/" + file], "x");
            AssertFails(ErrorId.RepositoryExists, () => TestRepository.Create(_directory["repo"]));
            Assert.Equal(ErrorId.RepositoryExists, Assert.Throws<ImageBackupException>(() => ImageRepository.ThrowIfTaken(StorageLocation.OfPath(_directory["repo"]))).Id);
            File.Delete(_directory["repo/" + file]);
        }
        Directory.CreateDirectory(_directory["elsewhere"]);
        File.CreateSymbolicLink(_directory["repo/tmp2"], _directory["elsewhere"]);
        AssertFails(ErrorId.RepositoryExists, () => TestRepository.Create(_directory["repo"]));
        File.Delete(_directory["repo/tmp2"]);
        TestRepository.Create(_directory["repo"]).Dispose();
        TestRepository.Open(_directory["repo"]).Dispose();
    }

    /// <summary>A key of the same password and of another master key, as a creation that came second leaves it.</summary>
    [Fact]
    public void A_key_of_another_creation_is_passed_over()
    {
        MemoryStorage storage = TestRepository.NewStorage(), other = new();
        using (RepositoryPassword password = TestRepository.NewPassword())
            ImageRepository.Create(other, password, CancellationToken.None).Dispose();
        string stranger = other.Names(StoredKind.Key).Single();
        storage.Save(StoredKind.Key, stranger, other.Content(StoredKind.Key, stranger));
        using (ImageRepository repository = TestRepository.Open(storage))
            Assert.NotEqual(stranger, repository.KeyName);
        storage.Delete(StoredKind.Key, storage.Names(StoredKind.Key).Single(n => n != stranger));
        AssertFails(ErrorId.RepositoryInvalid, () => TestRepository.Open(storage));
    }

    /// <summary>Two at the same moment: one gets the repository, and it opens; the other is told.</summary>
    [Fact]
    public void Of_two_creations_at_once_one_wins()
    {
        var memory = new MemoryStorage();
        using var storage = new FaultyStorage(memory);
        ImageRepository? rival = null;
        storage.Script = call =>
        {
            if (call is { Operation: StorageOperation.Save, Kind: StoredKind.Config, Number: 0 })
            {
                using RepositoryPassword theirs = TestRepository.NewPassword("theirs");
                rival = ImageRepository.Create(memory, theirs, CancellationToken.None);
            }
            return null;
        };
        using RepositoryPassword ours = TestRepository.NewPassword("ours");
        AssertFails(ErrorId.RepositoryExists, () => ImageRepository.Create(storage, ours, CancellationToken.None));
        rival!.Dispose();
        using RepositoryPassword password = TestRepository.NewPassword("theirs");
        using ImageRepository opened = ImageRepository.Open(memory, password, CancellationToken.None);
        Assert.Equal(rival.Id, opened.Id);
        Assert.Equal([opened.KeyName], memory.Names(StoredKind.Key));
    }

    [Fact]
    public void A_disposed_repository_is_of_no_use()
    {
        ImageRepository repository = TestRepository.Open(TestRepository.NewStorage());
        repository.Dispose();
        repository.Dispose();
        Assert.Throws<ObjectDisposedException>(() => repository.Locks().Count + repository.LoadIndex(CancellationToken.None).Count + repository.Check(false, null, CancellationToken.None).PackCount);
    }

    private static void AssertFails(ErrorId id, Action action) => Assert.Equal(id, Assert.Throws<ImageBackupException>(action).Id);

    private static void AssertFails(ErrorId id, Func<ImageRepository> open) => AssertFails(id, () => open().Dispose());
}
