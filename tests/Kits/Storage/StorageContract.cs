using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Storage;
using Xunit;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>What <see cref="IStorage"/> promises; every implementation runs it.</summary>
public abstract class StorageContract : IDisposable
{
    private static readonly StoredKind[] s_named = [StoredKind.Key, StoredKind.Lock, StoredKind.Snapshot, StoredKind.Index, StoredKind.Pack];

    // Lazy, because a derived fixture is not constructed yet here; and locked, because some tests first ask on many threads.
    private readonly Lazy<IStorage> _storage;

    protected StorageContract() => _storage = new(() => (IStorage)Open());

    private IStorage Storage => _storage.Value;

    /// <summary>An <see cref="IStorage"/> with an empty layout. (An object, because the interface is internal.)</summary>
    private protected abstract object Open();

    public virtual void Dispose()
    {
        if (_storage.IsValueCreated)
            _storage.Value.Dispose();
    }

    [Fact]
    public void An_empty_layout_holds_nothing()
    {
        foreach (StoredKind kind in s_named.Append(StoredKind.Config))
            Assert.Empty(Storage.List(kind));
        Assert.False(Storage.Exists(StoredKind.Config, ""));
        Assert.All(s_named, kind => Assert.False(Storage.Exists(kind, Name(1))));
    }

    [Fact]
    public void What_is_saved_is_listed_and_loaded_under_its_own_kind_only()
    {
        foreach (StoredKind kind in s_named)
        {
            byte[] content = SeededBytes.Make((int)kind, 1000 + (int)kind);
            Storage.Save(kind, Name((int)kind), content);
            Assert.True(Storage.Exists(kind, Name((int)kind)));
            Assert.Equal(content, Storage.Load(kind, Name((int)kind), 1 << 20));
            StoredFile listed = Assert.Single(Storage.List(kind));
            Assert.Equal(new StoredFile(kind, Name((int)kind), content.Length), listed with { ModifiedTime = null });
            // A storage that tells the time tells it by its own clock, which no one here knows.
            if (listed.ModifiedTime is { } time)
                Assert.InRange(time, DateTimeOffset.Now.AddDays(-1), DateTimeOffset.Now.AddDays(1));
        }
        Assert.All(s_named, kind => Assert.Single(Storage.List(kind)));
    }

    [Fact]
    public void The_config_has_no_name()
    {
        Storage.Save(StoredKind.Config, "", [1, 2, 3]);
        Assert.True(Storage.Exists(StoredKind.Config, ""));
        Assert.Equal([new StoredFile(StoredKind.Config, "", 3)], Storage.List(StoredKind.Config));
        Assert.Equal([1, 2, 3], Storage.Load(StoredKind.Config, "", 3));
    }

    [Fact]
    public void An_empty_file_is_a_file()
    {
        Storage.Save(StoredKind.Index, Name(1), []);
        Assert.Empty(Storage.Load(StoredKind.Index, Name(1), 0));
        Assert.Equal(0, Assert.Single(Storage.List(StoredKind.Index)).LengthBytes);
    }

    [Fact]
    public void Saving_under_a_taken_name_changes_nothing()
    {
        Storage.Save(StoredKind.Snapshot, Name(1), [1]);
        Storage.Save(StoredKind.Snapshot, Name(1), [2, 2]);
        Assert.Equal([1], Storage.Load(StoredKind.Snapshot, Name(1), 10));
        using IStorageUpload upload = Storage.BeginUpload(StoredKind.Snapshot);
        upload.Append([3, 3, 3], 0, 3);
        upload.Commit(Name(1));
        Assert.Equal([1], Storage.Load(StoredKind.Snapshot, Name(1), 10));
    }

    [Fact]
    public void Loading_is_bounded()
    {
        Storage.Save(StoredKind.Index, Name(1), new byte[100]);
        Assert.Equal(100, Storage.Load(StoredKind.Index, Name(1), 100).Length);
        AssertProblem(StorageProblem.TooLarge, () => Storage.Load(StoredKind.Index, Name(1), 99));
        Assert.Equal(100, Storage.LengthOf(StoredKind.Index, Name(1)));
        AssertProblem(StorageProblem.NotFound, () => Storage.LengthOf(StoredKind.Index, Name(2)));
    }

    [Fact]
    public void What_is_not_there_is_not_found()
    {
        AssertProblem(StorageProblem.NotFound, () => Storage.Load(StoredKind.Key, Name(1), 10));
        AssertProblem(StorageProblem.NotFound, () => Storage.ReadAt(StoredKind.Pack, Name(1), 0, new byte[1], 1));
        AssertProblem(StorageProblem.NotFound, () => Storage.Load(StoredKind.Config, "", 10));
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("../../../../../../../../../../../../../../../../../../../etc/passwd")]
    [InlineData("ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ")]
    [InlineData("ABCDEF0000000000000000000000000000000000000000000000000000000000")]
    public void A_name_is_64_hexadecimal_digits(string name)
    {
        Assert.Throws<ArgumentException>(() => Storage.Load(StoredKind.Index, name, 10));
        Assert.Throws<ArgumentException>(() => Storage.Delete(StoredKind.Pack, name));
        Assert.Throws<ArgumentException>(() => Storage.Save(StoredKind.Lock, name, [1]));
    }

    [Fact]
    public void Parts_are_read_at_any_offset()
    {
        byte[] content = SeededBytes.Make(1, 5000);
        Storage.Save(StoredKind.Pack, Name(1), content);
        foreach ((int offset, int count) in new[] { (0, 5000), (0, 1), (4999, 1), (123, 456), (5000, 0) })
        {
            byte[] buffer = new byte[count + 3];
            Storage.ReadAt(StoredKind.Pack, Name(1), offset, buffer, count);
            Assert.Equal(content.AsSpan(offset, count), buffer.AsSpan(0, count));
            Assert.Equal([0, 0, 0], buffer.AsSpan(count).ToArray());
        }
        AssertProblem(StorageProblem.TooShort, () => Storage.ReadAt(StoredKind.Pack, Name(1), 4999, new byte[2], 2));
        AssertProblem(StorageProblem.TooShort, () => Storage.ReadAt(StoredKind.Pack, Name(1), 9999, new byte[1], 1));
    }

    [Fact]
    public void An_upload_is_nothing_until_it_is_committed()
    {
        byte[] content = SeededBytes.Make(2, 100_000);
        using (IStorageUpload upload = Storage.BeginUpload(StoredKind.Pack))
        {
            upload.Append(content, 0, 60_000);
            Assert.Equal(60_000, upload.LengthBytes);
            Assert.Empty(Storage.List(StoredKind.Pack));
            upload.Append(content, 60_000, 40_000);
            upload.Commit(Name(7));
        }
        Assert.Equal(content, Storage.Load(StoredKind.Pack, Name(7), 1 << 20));
    }

    [Fact]
    public void A_disposed_upload_leaves_nothing()
    {
        using (IStorageUpload upload = Storage.BeginUpload(StoredKind.Pack))
            upload.Append(new byte[1000], 0, 1000);
        Assert.Empty(Storage.List(StoredKind.Pack));
        Assert.Equal(0, Storage.RemoveAbandonedUploads());
    }

    [Fact]
    public void A_committed_upload_takes_no_more()
    {
        using IStorageUpload upload = Storage.BeginUpload(StoredKind.Index);
        upload.Append([1], 0, 1);
        upload.Commit(Name(1));
        AssertProblem(StorageProblem.WriteError, () => upload.Append([2], 0, 1));
        AssertProblem(StorageProblem.WriteError, () => upload.Commit(Name(2)));
        Assert.Equal([1], Storage.Load(StoredKind.Index, Name(1), 10));
        Assert.Single(Storage.List(StoredKind.Index));
    }

    [Fact]
    public void Deleting_takes_the_file_also_from_who_has_read_it()
    {
        Storage.Save(StoredKind.Pack, Name(1), new byte[10]);
        Storage.ReadAt(StoredKind.Pack, Name(1), 0, new byte[10], 10);
        Storage.Delete(StoredKind.Pack, Name(1));
        Assert.False(Storage.Exists(StoredKind.Pack, Name(1)));
        Assert.Empty(Storage.List(StoredKind.Pack));
        AssertProblem(StorageProblem.NotFound, () => Storage.ReadAt(StoredKind.Pack, Name(1), 0, new byte[10], 10));
        Storage.Delete(StoredKind.Pack, Name(1));
        foreach (StoredKind kind in s_named)
            Storage.SyncDeletions(kind);
    }

    [Fact]
    public void Many_threads_write_and_read()
    {
        // A service that cannot be had skips the test here; in a thread that would be a failure of the loop.
        Assert.NotNull(Storage);
        Parallel.For(0, 64, i =>
        {
            byte[] content = SeededBytes.Make(i, 10_000 + i);
            using (IStorageUpload upload = Storage.BeginUpload(StoredKind.Pack))
            {
                upload.Append(content, 0, content.Length);
                upload.Commit(Name(i));
            }
            byte[] buffer = new byte[100];
            Storage.ReadAt(StoredKind.Pack, Name(i), 9_000, buffer, 100);
            Assert.Equal(content.AsSpan(9_000, 100), buffer.AsSpan());
        });
        Assert.Equal(64, Storage.List(StoredKind.Pack).Select(f => f.Name).Distinct().Count());
    }

    private static string Name(int number) => BlobId.Of(BitConverter.GetBytes(number)).ToString();

    private static void AssertProblem(StorageProblem expected, Action action) => Assert.Equal(expected, Assert.Throws<StorageException>(action).Problem);
}
