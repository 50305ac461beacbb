using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Backup.Copy;
using ImageBackup.Engine.Backup.Map;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Writing;

namespace ImageBackup.Engine.Backup;

/// <summary>
/// The copying of one backup, begun while its lock settles: the repository's index is read, the volume's chunks are hashed
/// against it and packed. Before the first pack gets its name the lock has to stand, and all has to be there still that was
/// read.
/// </summary>
internal sealed class BackupAttempt : IDisposable
{
    private readonly ImageRepository _repository;
    private readonly RepositoryLock _held;
    private readonly OrphanPacks _landed;
    private readonly ParentImage? _parent;
    private RepositoryWriter? _session;
    private ProgressMeter? _meter;

    /// <summary>Reads what the repository has.</summary>
    /// <param name="repository">Where the image goes.</param>
    /// <param name="held">The lock on it, settled or not.</param>
    /// <param name="findParent">Finds the image before.</param>
    /// <param name="cancellation">Ends it.</param>
    public BackupAttempt(ImageRepository repository, RepositoryLock held, Func<BlobIndex, ParentImage?> findParent, CancellationToken cancellation)
    {
        _repository = repository;
        _held = held;
        _landed = OrphanPacks.Load(repository, held, cancellation);
        _parent = findParent(_landed.Index);
    }

    /// <summary>Where the copy's blobs went, and the image's other ones go.</summary>
    public RepositoryWriter Session => _session ?? throw new InvalidOperationException("Nothing was copied yet.");

    /// <summary>The packs that were there at the beginning.</summary>
    public IReadOnlyCollection<BlobId> KnownPacks => _landed.Index.Packs();

    /// <summary>The lock that the copy is made under.</summary>
    public RepositoryLock Lock => _held;

    /// <summary>Copies the volume's chunks. The lock stands when it returns.</summary>
    /// <exception cref="RepositoryChangedException">What was read of the repository is gone: to be tried again from the start.</exception>
    public CopiedChunks Copy(BackupRun run, MappedVolume volume, CancellationToken cancellation)
    {
        _session = new RepositoryWriter(_repository.Files, _repository.Sealers, _landed.Index, _repository.FormatVersion, _held.Lost, WhenLocked(cancellation))
        {
            Compression = run.Request.Compression,
        };
        CopiedChunks copied;
        try
        {
            copied = Copy(run, volume, _parent, cancellation);
        }
        catch (ChunkTagMismatchException e)
        {
            run.Warnings.Add($"The previous image, {DisplayText.ShortId(_parent!.Id)}, is damaged: {e.Message} Everything was read again and hashed. Test that image (Test-ImageBackup) and this machine's memory.");
            copied = Copy(run, volume, null, cancellation);
        }
        _session.WaitUntilLocked();
        return copied;
    }

    /// <summary>Tells the copy's end.</summary>
    public void ReportProgress() => _meter?.Report();

    private CopiedChunks Copy(BackupRun run, MappedVolume volume, ParentImage? parent, CancellationToken cancellation)
    {
        BackupRequest request = run.Request;
        var changes = ChangeDetector.For(volume.Geometry.ChunkSizeBytes, volume.Geometry.ChunkCount, parent);
        var copy = new BackupCopy(volume, Session, changes, request.ThrottleLimit ?? Environment.ProcessorCount, request.ReadErrorLimit);
        _meter = new ProgressMeter(run.Progress, run.VolumeName, JobPhase.Copying, volume.Map.Used.UsedBytes, () => Session.StoredBytes);
        return copy.Run(_meter, cancellation);
    }

    /// <summary>Ends when packs may be committed, with those to adopt. It has a thread of its own: it waits for the lock to settle.</summary>
    private Task<IReadOnlyList<IndexedPack>> WhenLocked(CancellationToken cancellation) => Task.Factory.StartNew(() =>
    {
        _held.Settle(cancellation);
        return _landed.IsStill(_repository) ? _landed.Adopted : throw new RepositoryChangedException();
    }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Dispose()
    {
        _session?.Dispose();
        _parent?.Dispose();
    }
}
