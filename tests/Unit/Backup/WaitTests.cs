using System;
using System.Threading;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup;

/// <summary>Who does not wait for whom in a backup.</summary>
public sealed class WaitTests : IDisposable
{
    private const int ChunkCount = 700;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly JobRig _rig = new();

    public void Dispose() => _rig.Dispose();

    /// <summary>The first pack's flush ends when the last chunk has been read; if readers or workers waited for it, never.</summary>
    [Fact]
    public void A_packs_flush_stops_neither_readers_nor_workers()
    {
        byte[] content = SeededBytes.Make(1, ChunkCount * JobRig.ChunkBytes);
        using var isRead = new ManualResetEventSlim();
        int commits = 0;
        _rig.Volumes.Add("/mem/a", content).OnRead = (offset, length) =>
        {
            if (offset + length == content.Length && length == JobRig.ChunkBytes)
                isRead.Set();
        };
        _rig.Storage.Script = call =>
        {
            if (call is { Operation: StorageOperation.Commit, Kind: StoredKind.Pack } && Interlocked.Increment(ref commits) == 1)
                Assert.True(isRead.Wait(s_patience), "The last chunk was not read while the first pack was flushed.");
            return null;
        };
        ImageBackupInfo image = _rig.Backup("/mem/a");
        // Two packs were full before the end, and waited behind it.
        Assert.True(commits > 2, $"{commits} packs.");
        _rig.Storage.Reset();
        _rig.AssertRestores(image.Id, content);
    }
}
