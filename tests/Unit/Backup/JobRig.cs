using System;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Verify;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup;

/// <summary>A repository in memory behind a storage that can be made to fail, and volumes in memory.</summary>
internal sealed class JobRig : IDisposable
{
    public const int ChunkBytes = 64 << 10;

    private readonly TemporaryDirectory _directory = new();

    public JobRig()
        : this(TestRepository.NewStorage())
    {
    }

    /// <param name="memory">The files of a repository; the rig changes them.</param>
    /// <param name="between">What stands between them and the storage that can be made to fail.</param>
    public JobRig(MemoryStorage memory, Func<IStorage, IStorage>? between = null)
    {
        Memory = memory;
        Storage = new FaultyStorage(between?.Invoke(memory) ?? memory);
        Repository = TestRepository.Open(Storage);
        // Nobody else is there to be waited for; the waiting has its own tests.
        Repository.LockTiming = LockTiming.Restic with { Settle = TimeSpan.FromMilliseconds(1) };
    }

    public MemoryStorage Memory { get; }
    public FaultyStorage Storage { get; }
    public ImageRepository Repository { get; }
    public VolumeDouble Volumes { get; } = new();

    public string File(string name) => _directory[name];

    public ImageBackupInfo Backup(string volume, Func<BackupRequest, BackupRequest>? change = null, IProgress<JobProgress>? progress = null, CancellationToken cancellation = default)
    {
        var request = new BackupRequest { Volume = Volumes.Find(volume), ChunkSizeBytes = ChunkBytes };
        return new BackupJob(Repository, Volumes).Run(change?.Invoke(request) ?? request, progress, cancellation);
    }

    public RestoreResult Restore(string imageId, string destination, Func<RestoreRequest, RestoreRequest>? change = null, CancellationToken cancellation = default)
    {
        var request = new RestoreRequest { ImageId = imageId, Destination = destination };
        return new RestoreJob(Repository, Volumes).Run(change?.Invoke(request) ?? request, null, cancellation);
    }

    public VerifyResult Verify(string imageId) => new VerifyJob(Repository).Run(imageId, null, CancellationToken.None);

    /// <summary>Restores onto noise, and compares.</summary>
    public void AssertRestores(string imageId, byte[] expected)
    {
        MemoryVolume target = Volumes.Add("/mem/target-" + Guid.NewGuid().ToString("N"), SeededBytes.Make(99, expected.Length));
        Restore(imageId, target.Description.Name);
        Assert.True(expected.AsSpan().SequenceEqual(target.Content), "The restored bytes differ.");
        Assert.Equal(0, target.OpenCount);
    }

    public static void AssertFails(ErrorId id, Action action) => Assert.Equal(id, Assert.Throws<ImageBackupException>(action).Id);

    /// <summary>Random chunks with zero chunks and repeats among them: the letters of the pattern; '0' is zeros, '-' ends short.</summary>
    public static byte[] Content(string pattern, int tailBytes = 0)
    {
        byte[] content = new byte[pattern.Length * ChunkBytes + tailBytes];
        for (int i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] != '0')
                SeededBytes.Make(pattern[i], ChunkBytes).CopyTo(content, i * ChunkBytes);
        }
        if (tailBytes > 0)
            SeededBytes.Make(7, tailBytes).CopyTo(content, pattern.Length * ChunkBytes);
        return content;
    }

    public int SnapshotCount => Memory.Names(StoredKind.Snapshot).Length;

    public void Dispose()
    {
        Repository.Dispose();
        _directory.Dispose();
    }

    /// <summary>One worker, so that what is written comes in the same order each time.</summary>
    public static ImageBackupInfo BackUp(ImageRepository repository, VolumeDouble volumes, string name) => new BackupJob(repository, volumes).Run(
        new BackupRequest { Volume = volumes.Find(name), ChunkSizeBytes = ChunkBytes, ThrottleLimit = 1 }, null, CancellationToken.None);
}
