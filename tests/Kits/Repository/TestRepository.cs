using System;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Sealing;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Kits.Repository;

/// <summary>Repositories under the password "pw". Deriving keys costs a tenth of a second each; making one in memory costs it once.</summary>
internal static class TestRepository
{
    public const string Password = "pw";

    private static readonly Lazy<MemoryStorage> s_empty = new(Make), s_other = new(Make);

    private static MemoryStorage Make()
    {
        var storage = new MemoryStorage();
        using RepositoryPassword password = NewPassword();
        ImageRepository.Create(storage, password, CancellationToken.None).Dispose();
        MakeKeyCheap(storage, password);
        return storage;
    }

    /// <summary>Seals the master key anew under scrypt's least cost: tests open repositories thousands of times.</summary>
    private static void MakeKeyCheap(MemoryStorage storage, RepositoryPassword password)
    {
        string name = storage.Names(StoredKind.Key).Single();
        KeyFile key = KeyFile.Read(storage.Content(StoredKind.Key, name));
        byte[] json = new byte[key.Data.Length - Sealer.OverheadBytes];
        using (MasterKey derived = KeyFile.Derive(password, key.Salt, key.N, key.R, key.P))
        using (var sealer = new Sealer(derived))
            Assert.True(sealer.TryOpen(key.Data, json));
        using (MasterKey derived = KeyFile.Derive(password, key.Salt, 2, 8, 1))
        using (var sealer = new Sealer(derived))
            sealer.Seal(json, key.Data);
        byte[] cheap = (key with { N = 2, R = 8, P = 1 }).Write();
        storage.Delete(StoredKind.Key, name);
        storage.Save(StoredKind.Key, BlobId.Of(cheap).ToString(), cheap);
    }

    /// <summary>Writes the files of an empty repository into a directory.</summary>
    public static void WriteEmpty(string path)
    {
        using var target = new LocalStorage(path);
        target.CreateLayout();
        MemoryStorage source = NewStorage();
        target.Save(StoredKind.Config, "", source.Content(StoredKind.Config, ""));
        foreach (string name in source.Names(StoredKind.Key))
            target.Save(StoredKind.Key, name, source.Content(StoredKind.Key, name));
    }

    public static RepositoryPassword NewPassword(string text = Password) => RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(text));

    /// <summary>The files of an empty repository.</summary>
    public static MemoryStorage NewStorage() => s_empty.Value.Clone();

    /// <summary>Those of another empty repository, with an id and keys of its own.</summary>
    public static MemoryStorage NewOtherStorage() => s_other.Value.Clone();

    /// <summary>The same under a key that costs next to nothing to derive: for tests that open many repositories.</summary>
    public static MemoryStorage NewQuickStorage() => s_quick.Value.Clone();

    private static readonly Lazy<MemoryStorage> s_quick = new(() =>
    {
        MemoryStorage storage = NewStorage();
        using RepositoryPassword password = NewPassword();
        (MasterKey master, string keyName) = KeyRing.Open(new RepositoryFiles(storage), password, _ => true, CancellationToken.None);
        using (master)
        {
            const int n = 2, r = 1, p = 1;
            byte[] salt = new byte[64];
            using MasterKey derived = KeyFile.Derive(password, salt, n, r, p);
            using var sealer = new Sealer(derived);
            byte[] json = Encoding.UTF8.GetBytes(
                $$$"""{"mac":{"k":"{{{Convert.ToBase64String(master.MacK)}}}","r":"{{{Convert.ToBase64String(master.MacR)}}}"},"encrypt":"{{{Convert.ToBase64String(master.Encryption)}}}"}""");
            byte[] data = new byte[json.Length + Sealer.OverheadBytes];
            sealer.Seal(json, data);
            byte[] content = new KeyFile { N = n, R = r, P = p, Salt = salt, Data = data }.Write();
            storage.Save(StoredKind.Key, BlobId.Of(content).ToString(), content);
            storage.Delete(StoredKind.Key, keyName);
        }
        return storage;
    });

    public static ImageRepository Open(IStorage storage)
    {
        using RepositoryPassword password = NewPassword();
        return ImageRepository.Open(storage, password, CancellationToken.None);
    }

    public static ImageRepository Open(string path)
    {
        using RepositoryPassword password = NewPassword();
        return ImageRepository.Open(path, password, CancellationToken.None);
    }

    public static ImageRepository Create(string path)
    {
        using RepositoryPassword password = NewPassword();
        return ImageRepository.Create(path, password, CancellationToken.None);
    }

    /// <summary>Puts a lock into a repository's files as if somebody had taken it there, and gives its name.</summary>
    public static string SaveLock(ImageRepository repository, MemoryStorage storage, DateTimeOffset time, string host, int processId, bool isExclusive)
    {
        byte[] json = new LockFile { Time = time, IsExclusive = isExclusive, HostName = host, UserName = "somebody", ProcessId = processId }.Write();
        byte[] content = repository.Sealers.Seal(json);
        string name = BlobId.Of(content).ToString();
        storage.Save(StoredKind.Lock, name, content);
        return name;
    }

    /// <summary>Every byte of the repository is what it should be. (Packs that nobody refers to are not a fault.)</summary>
    public static RepositoryCheckResult AssertHealthy(ImageRepository repository)
    {
        RepositoryCheckResult result = repository.Check(readData: true, null, CancellationToken.None);
        Assert.True(result.IsHealthy, string.Join(Environment.NewLine, result.Problems));
        Assert.Empty(repository.Locks());
        return result;
    }
}
