using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Kits.Storage;

/// <summary>A repository in a directory whose power is cut; see <see cref="PowerCut"/> on how to use it.</summary>
internal sealed class PowerCutDirectory : IDisposable
{
    private readonly string _root;

    public PowerCutDirectory()
    {
        // Thousands of small files come and go: in memory if the system has a place for that.
        string parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        _root = Path.Combine(parent, "imagebackup-cut-" + Guid.NewGuid().ToString("N"));
        Repository = Path.Combine(_root, "repo");
        Directory.CreateDirectory(_root);
        TestRepository.WriteEmpty(Repository);
    }

    /// <summary>The repository's directory.</summary>
    public string Repository { get; }

    /// <summary>Of locks that wait for nobody.</summary>
    public static LockTiming Timing { get; } = LockTiming.Restic with { Settle = TimeSpan.FromMilliseconds(1) };

    /// <summary>Opens a repository that waits for nobody when it locks.</summary>
    public static ImageRepository Open(IStorage storage)
    {
        ImageRepository repository = TestRepository.Open(storage);
        repository.LockTiming = Timing;
        return repository;
    }

    /// <summary>Does something that no cut reaches any more.</summary>
    public void Do(Action<IStorage> action)
    {
        using var storage = new LocalStorage(Repository, new RecordingFileSteps());
        action(storage);
    }

    /// <inheritdoc cref="PowerCut.AtEveryStep"/>
    public int CutAtEveryStep(Action<IStorage> run, Action<IStorage, CutState> check) => PowerCut.AtEveryStep(Repository, _root, run, check);

    /// <summary>
    /// What must hold of a repository after any cut, with no human's help: it opens; its check, every byte read, is clean;
    /// each image in <paramref name="whole"/> is listed and restores to its bytes; and no file under a final name is torn.
    /// </summary>
    public static void AssertWhole(ImageRepository repository, VolumeDouble volumes, IReadOnlyDictionary<string, byte[]> whole)
    {
        repository.RemoveLocks(all: true, CancellationToken.None);
        TestRepository.AssertHealthy(repository);
        HashSet<string> listed = new ImageCatalog(repository).List(new ImageFilter { IncludeInactive = true }, e => Assert.Fail(e.ToString()), CancellationToken.None)
            .Select(i => i.Id).ToHashSet();
        foreach ((string id, byte[] expected) in whole)
        {
            Assert.Contains(id, listed);
            AssertRestores(repository, volumes, id, expected);
        }
    }

    /// <summary>Restores onto noise, and compares.</summary>
    public static void AssertRestores(ImageRepository repository, VolumeDouble volumes, string id, byte[] expected)
    {
        MemoryVolume target = volumes.Add("/mem/target-" + Guid.NewGuid().ToString("N"), SeededBytes.Make(99, expected.Length));
        new RestoreJob(repository, volumes).Run(new RestoreRequest { ImageId = id, Destination = target.Description.Name, ThrottleLimit = 1 }, null, CancellationToken.None);
        Assert.True(expected.AsSpan().SequenceEqual(target.Content), "The restored bytes differ.");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
