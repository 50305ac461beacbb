using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Verify;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Images.Catalog;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup;

/// <summary>Cancelling at any point ends a job within two seconds and leaves nothing: no lock, no image, no thread.</summary>
[Collection(nameof(Alone))]
public sealed class CancellationTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(2);

    private readonly JobRig _rig = new();
    private readonly byte[] _content = SeededBytes.Make(11, 24 << 20);

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(383)]
    public void A_backup_after_any_number_of_reads(int readCount)
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", _content);
        using var source = new CancellationTokenSource();
        var clock = new Stopwatch();
        int reads = 0;
        volume.OnRead = (_, length) =>
        {
            if (length == JobRig.ChunkBytes && Interlocked.Increment(ref reads) == readCount + 1)
            {
                clock.Start();
                source.Cancel();
            }
        };
        AssertCancelled(clock, () => _rig.Backup("/mem/a", cancellation: source.Token));
        Assert.Equal(0, volume.OpenCount);
        volume.OnRead = null;
        _rig.AssertRestores(_rig.Backup("/mem/a").Id, _content);
    }

    [Fact]
    public void A_backup_at_every_call_on_the_storage()
    {
        byte[] content = JobRig.Content("abc0", 5);
        _rig.Volumes.Add("/mem/a", content);
        // The first backup of all asks more: whether a repository without a snapshot is still there.
        _rig.Backup("/mem/a", r => r with { ThrottleLimit = 1 });
        for (int chunk = 0; chunk < 3; chunk++)
            content[chunk * JobRig.ChunkBytes]++;
        _rig.Storage.Reset();
        _rig.Backup("/mem/a", r => r with { ThrottleLimit = 1 });
        // The snapshot's own saving ends the job: from then on the image exists.
        List<StorageCall> calls = [.. _rig.Storage.Calls.TakeWhile(c => c is not { Operation: StorageOperation.Save, Kind: StoredKind.Snapshot })];
        Assert.True(calls.Count > 15);
        foreach (StorageCall at in calls.DistinctBy(c => (c.Operation, c.Kind, Math.Min(c.Number, 2))))
        {
            // Something new to store each time.
            for (int chunk = 0; chunk < 3; chunk++)
                content[chunk * JobRig.ChunkBytes]++;
            using var source = new CancellationTokenSource();
            var clock = new Stopwatch();
            _rig.Storage.Reset();
            _rig.Storage.Script = call =>
            {
                if (call == at)
                {
                    clock.Start();
                    source.Cancel();
                }
                return null;
            };
            AssertCancelled(clock, () => _rig.Backup("/mem/a", r => r with { ThrottleLimit = 1 }, cancellation: source.Token), snapshotCount: 2);
        }
    }

    [Fact]
    public void A_backup_whose_disk_hangs_ends_when_the_read_does()
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", _content);
        using var source = new CancellationTokenSource();
        using var release = new ManualResetEventSlim();
        volume.OnRead = (offset, _) =>
        {
            if (offset == 10 * JobRig.ChunkBytes)
                release.Wait();
        };
        Task backup = Task.Run(() => _rig.Backup("/mem/a", cancellation: source.Token));
        Thread.Sleep(600);
        source.Cancel();
        var clock = Stopwatch.StartNew();
        release.Set();
        AssertCancelled(clock, () => backup.GetAwaiter().GetResult());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    public void A_restore_leaves_no_file(int readCount)
    {
        _rig.Volumes.Add("/mem/a", _content);
        string id = _rig.Backup("/mem/a").Id;
        using var source = new CancellationTokenSource();
        var clock = new Stopwatch();
        _rig.Storage.Reset();
        _rig.Storage.Script = call =>
        {
            if (call == new StorageCall(StorageOperation.ReadAt, StoredKind.Pack, readCount))
            {
                clock.Start();
                source.Cancel();
            }
            return null;
        };
        AssertCancelled(clock, () => _rig.Restore(id, _rig.File("out"), cancellation: source.Token), snapshotCount: 1);
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(_rig.File("out"))!));
    }

    [Fact]
    public void A_token_that_is_cancelled_already()
    {
        _rig.Volumes.Add("/mem/a", _content);
        string id = _rig.Backup("/mem/a").Id;
        using var source = new CancellationTokenSource();
        source.Cancel();
        Action[] all =
        [
            () => _rig.Backup("/mem/a", cancellation: source.Token),
            () => _rig.Restore(id, _rig.File("out"), cancellation: source.Token),
            () => new VerifyJob(_rig.Repository).Run(id, null, source.Token),
            () => _rig.Repository.Check(true, null, source.Token),
            () => new ImageCatalog(_rig.Repository).List(new ImageFilter(), null, source.Token),
        ];
        foreach (Action action in all)
            AssertCancelled(Stopwatch.StartNew(), action, snapshotCount: 1);
    }

    private void AssertCancelled(Stopwatch clock, Action action, int snapshotCount = 0)
    {
        Assert.ThrowsAny<OperationCanceledException>(action);
        Assert.True(clock.ElapsedTicks > 0, "Nothing was cancelled.");
        Assert.True(clock.Elapsed < s_limit, $"It took {clock.Elapsed}.");
        _rig.Storage.Reset();
        Assert.Equal(snapshotCount, _rig.SnapshotCount);
        Assert.Equal(0, _rig.Memory.OpenUploadCount);
        // A thread that was waited for takes the system a moment to forget.
        Assert.True(SpinWait.SpinUntil(() => OurThreads().Length == 0, TimeSpan.FromSeconds(10)), string.Join(", ", OurThreads()));
        TestRepository.AssertHealthy(_rig.Repository);
    }

    /// <summary>Names of this process's threads that a job began; Linux keeps 15 characters of them.</summary>
    private static string[] OurThreads() => !OperatingSystem.IsLinux() ? [] : Directory.GetDirectories("/proc/self/task")
        .Select(task =>
        {
            try
            {
                return File.ReadAllText(Path.Combine(task, "comm")).Trim();
            }
            catch (IOException)
            {
                return "";
            }
        }).Where(name => name.StartsWith("ImageBackup wo", StringComparison.Ordinal) || name.StartsWith("ImageBackup pa", StringComparison.Ordinal)).ToArray();
}
