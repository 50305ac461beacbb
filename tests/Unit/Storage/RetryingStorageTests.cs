using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>What is tried again, how often, and what is not.</summary>
public sealed class RetryingStorageTests
{
    private const int WaitCount = 3;
    private static readonly string s_name = BlobId.Of("x"u8).ToString();

    private readonly FaultyStorage _faulty = new(new MemoryStorage());
    private readonly RetryingStorage _storage;

    public RetryingStorageTests()
    {
        _storage = new RetryingStorage(_faulty, Enumerable.Repeat(TimeSpan.FromMilliseconds(1), WaitCount).ToArray());
        _storage.Save(StoredKind.Index, s_name, [1, 2, 3]);
        _faulty.Reset();
    }

    [Theory]
    [InlineData(StorageProblem.ReadError, true)]
    [InlineData(StorageProblem.WriteError, true)]
    [InlineData(StorageProblem.Full, false)]
    [InlineData(StorageProblem.AccessDenied, false)]
    [InlineData(StorageProblem.ReadOnly, false)]
    [InlineData(StorageProblem.NotFound, false)]
    [InlineData(StorageProblem.TooShort, false)]
    [InlineData(StorageProblem.TooLarge, false)]
    public void Only_what_may_pass_is_tried_again(Enum problemValue, bool isRetried)
    {
        var problem = (StorageProblem)problemValue;
        _faulty.Script = _ => new StorageFault(problem, FaultMoment.Before);
        Assert.Equal(problem, Assert.Throws<StorageException>(() => _storage.Load(StoredKind.Index, s_name, 10)).Problem);
        Assert.Equal(isRetried ? 1 + WaitCount : 1, _faulty.FaultCount);
    }

    [Fact]
    public void An_outage_that_ends_in_time_is_not_noticed()
    {
        int left = 0;
        _faulty.Script = _ => left-- > 0 ? new StorageFault(StorageProblem.ReadError, FaultMoment.Before) : null;
        void After(Action call)
        {
            left = WaitCount;
            call();
        }
        After(() => Assert.Equal([1, 2, 3], _storage.Load(StoredKind.Index, s_name, 10)));
        After(() => Assert.True(_storage.Exists(StoredKind.Index, s_name)));
        After(() => Assert.Single(_storage.List(StoredKind.Index)));
        After(() => _storage.ReadAt(StoredKind.Index, s_name, 1, new byte[2], 2));
        After(() => _storage.Save(StoredKind.Snapshot, s_name, [9]));
        After(() => _storage.BeginUpload(StoredKind.Pack).Dispose());
        After(() => _storage.Delete(StoredKind.Index, s_name));
        Assert.Equal([9], _storage.Load(StoredKind.Snapshot, s_name, 10));
        Assert.Empty(_storage.List(StoredKind.Index));
    }

    [Fact]
    public async Task A_wait_ends_when_the_command_is_stopped()
    {
        using var stop = new CancellationTokenSource();
        using var waiting = new ManualResetEventSlim();
        using var storage = new RetryingStorage(_faulty, [TimeSpan.FromHours(1)]);
        _faulty.Script = _ =>
        {
            waiting.Set();
            return new StorageFault(StorageProblem.ReadError, FaultMoment.Before);
        };
        Task loading = Task.Run(() =>
        {
            using (PendingCalls.Begin(stop.Token))
                storage.Load(StoredKind.Index, s_name, 10);
        }, CancellationToken.None);
        Assert.True(waiting.Wait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
        Assert.False(loading.IsCompleted);
        await stop.CancelAsync();
        // Stopped before it waits or while it does.
        Exception e = await Assert.ThrowsAnyAsync<Exception>(() => loading).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.True(e is OperationCanceledException or StorageException, e.ToString());
        // What is tidied up after that is tried once.
        int before = _faulty.FaultCount;
        using (PendingCalls.Begin(stop.Token))
            Assert.Throws<StorageException>(() => storage.Delete(StoredKind.Index, s_name));
        Assert.Equal(before + 1, _faulty.FaultCount);
    }

    [Fact]
    public void An_upload_that_failed_is_not_written_twice()
    {
        using IStorageUpload upload = _storage.BeginUpload(StoredKind.Pack);
        _faulty.Script = call => call.Operation == StorageOperation.Append ? new StorageFault(StorageProblem.WriteError, FaultMoment.Torn) : null;
        Assert.Throws<StorageException>(() => upload.Append(new byte[10], 0, 10));
        Assert.Equal(1, _faulty.FaultCount);
    }

    [Fact]
    public void A_directory_on_this_machine_is_not_waited_for()
    {
        using IStorage storage = RetryingStorage.At(System.IO.Path.GetTempPath());
        Assert.IsType<LocalStorage>(storage);
    }
}
