using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Backup.Copy;
using ImageBackup.Engine.Blocks;
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

    /// <summary>The tags of the chunks copied; null: they have none.</summary>
    public ChangeDetector? Tagging { get; private set; }

    /// <summary>What was told of the copy's progress.</summary>
    public ProgressMeter? Meter { get; private set; }

    /// <summary>Copies the volume's chunks and gives their ids in order. The lock stands when it returns.</summary>
    /// <exception cref="RepositoryChangedException">What was read of the repository is gone: to be tried again from the start.</exception>
    public (BlobId[] Chunks, BackupCopy Copy) Run(BackupRequest request, IBlockReader volume, ChunkGeometry geometry, UsedRanges used,
        List<string> warnings, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        _session = new RepositoryWriter(_repository.Files, _repository.Sealers, _landed.Index, _repository.FormatVersion, _held.Lost, () => Confirm(cancellation));
        (BlobId[], BackupCopy) CopyAfter(ParentImage? before)
        {
            Tagging = ChangeDetector.For(geometry.ChunkSizeBytes, geometry.ChunkCount, before);
            var copy = new BackupCopy(volume, geometry, used, _session, request.ThrottleLimit ?? Environment.ProcessorCount, request.ReadErrorLimit, Tagging);
            Meter = new ProgressMeter(progress, request.Volume.Name, JobPhase.Copying, used.UsedBytes, () => _session.StoredBytes);
            return (copy.Run(Meter, cancellation), copy);
        }
        (BlobId[], BackupCopy) copied;
        try
        {
            copied = CopyAfter(_parent);
        }
        catch (ChunkTagMismatchException e)
        {
            warnings.Add($"The previous image, {DisplayText.ShortId(_parent!.Id)}, is damaged: {e.Message} Everything was read again and hashed. Test that image (Test-ImageBackup) and this machine's memory.");
            copied = CopyAfter(null);
        }
        _session.Confirm();
        return copied;
    }

    /// <summary>The packs to adopt, once they may be.</summary>
    private IReadOnlyList<IndexedPack> Confirm(CancellationToken cancellation)
    {
        _held.Settle(cancellation);
        return _landed.IsStill(_repository) ? _landed.Adopted : throw new RepositoryChangedException();
    }

    public void Dispose()
    {
        _session?.Dispose();
        _parent?.Dispose();
    }
}
