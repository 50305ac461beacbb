using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Copying;

/// <summary>
/// Copies images from one repository to another: only what the other lacks is read and sent, encrypted with the other's key. Both are locked
/// until it is disposed of. A copy is a snapshot record of its own, as restic's: it names the one that it was made of as "original".
/// </summary>
/// <remarks>
/// A copy that was ended goes on where it stopped: what is durable and listed is not sent again. An image's snapshot record comes last, when
/// all of it is durable. One thread.
/// </remarks>
internal sealed class CopyJob : IDisposable
{
    private readonly ImageRepository _source;
    private readonly ImageRepository _destination;
    private readonly bool _isPlan;
    private readonly RepositoryLock? _sourceLock;
    private readonly RepositoryLock? _destinationLock;
    private readonly BlobIndex _sourceIndex;
    private readonly BlobIndex _destinationIndex;
    private bool _isRetained;
    private readonly Dictionary<(string Original, BlobId Tree), string> _there = [];
    private readonly BitArray? _planned;
    private IReadOnlyList<IndexedPack>? _adopted;

    /// <summary>Locks both repositories, and reads what they have.</summary>
    /// <param name="source">Stays the caller's.</param>
    /// <param name="destination">Stays the caller's.</param>
    /// <param name="isPlan">Nothing is written: images are only looked at (<see cref="Plan"/>).</param>
    /// <param name="cancellation">Ends the wait for the locks.</param>
    /// <exception cref="ImageBackupException">
    /// ParameterInvalid: both are one repository. RepositoryLocked, RepositoryVersionUnsupported, a damage of an index, a failure of either storage.
    /// </exception>
    public CopyJob(ImageRepository source, ImageRepository destination, bool isPlan, CancellationToken cancellation)
    {
        if (source.Id == destination.Id)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid,
                $"'{destination.Location}' is the repository that the images are in ('{source.Location}'): name another one as the destination.", destination.Location);
        }
        destination.CheckChange(isExclusive: false);
        _source = source;
        _destination = destination;
        _isPlan = isPlan;
        try
        {
            _sourceLock = source.LockForReading(cancellation);
            if (isPlan)
            {
                _destinationIndex = destination.LoadIndex(cancellation);
            }
            else
            {
                _destinationLock = destination.Lock(isExclusive: false, cancellation);
                OrphanPacks landed = OrphanPacks.Load(destination, _destinationLock, cancellation);
                _destinationIndex = landed.Index;
                _adopted = landed.Adopted;
            }
            _sourceIndex = source.LoadIndex(cancellation);
            _planned = isPlan ? new BitArray(_sourceIndex.Count) : null;
            FindCopies(cancellation);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The source's storage is read-only, so that nobody is kept from removing what is being read.</summary>
    public bool IsSourceUnlocked => _sourceLock is null;

    /// <summary>
    /// restic cuts files by a number of the repository. Images that restic made share nothing with what it stores in a repository of another
    /// number; this module's images are cut at fixed places.
    /// </summary>
    public bool CutsDiffer => _source.ChunkerPolynomial != _destination.ChunkerPolynomial;

    /// <summary>What of an image is to be copied. In a plan of several images a chunk that they share counts for the first.</summary>
    /// <exception cref="ImageBackupException">As <see cref="Copy"/>.</exception>
    public ImageCopyResult Plan(ImageBackupInfo image, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        SnapshotRecord record = ImageContent.LoadSnapshot(_source, image.Id);
        if (Known(image, record) is { } copy)
            return Result(image, copy, isNew: false, null, 0, clock);
        return Result(image, null, isNew: true, PlanOf(image, record, cancellation), 0, clock);
    }

    /// <summary>Copies an image; one that is there already is left as it is.</summary>
    /// <exception cref="ImageBackupException">
    /// ImageNotFound; ChunkMissing, ChunkCorrupt, PackCorrupt: the image is damaged; LockLost; a failure of either storage.
    /// </exception>
    public ImageCopyResult Copy(ImageBackupInfo image, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        if (_isPlan || _destinationLock is not { } held)
            throw new InvalidOperationException("A plan copies nothing.");
        var clock = Stopwatch.StartNew();
        SnapshotRecord record = ImageContent.LoadSnapshot(_source, image.Id);
        if (Known(image, record) is { } known)
            return Result(image, known, isNew: false, null, 0, clock);
        CopyPlan plan = PlanOf(image, record, cancellation);
        // What is there already and the copy will refer to is kept as long as what it adds. Once: what this job writes is new.
        if (!_isRetained)
            RetentionExtension.ExtendIfDue(_destination.Files, () => _destinationIndex.Packs(), writeVerbose: null, cancellation);
        _isRetained = true;
        Task<IReadOnlyList<IndexedPack>>? adopted = _adopted is null ? null : Task.FromResult(_adopted);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        using var writer = new RepositoryWriter(_destination.Files, _destination.Sealers, _destinationIndex, _destination.FormatVersion, held.Lost, adopted);
        try
        {
            var meter = new ProgressMeter(progress, image.Volume, JobPhase.Copying, plan.LackingBytes, () => writer.StoredBytes);
            new BlobTransfer(_source, _sourceIndex, writer).Run(plan.Reads, meter.Add, stop.Token);
            writer.Finish();
            _adopted = null;
            _sourceLock?.ThrowIfLost();
            held.ThrowIfLost();
            SnapshotRecord copied = record with { Parent = null, Original = record.Original ?? image.Id };
            string id = _destination.Files.SaveSealed(StoredKind.Snapshot, copied.Write(), _destination.FormatVersion, _destination.Sealers);
            _there[(copied.Original, copied.Tree)] = id;
            meter.Report();
            return Result(image, id, isNew: true, plan, writer.StoredBytes, clock);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            held.ThrowIfLost();
            throw;
        }
    }

    private CopyPlan PlanOf(ImageBackupInfo image, SnapshotRecord record, CancellationToken cancellation) =>
        CopyPlan.Of(_source, _sourceIndex, image, record.Tree, IsThere, cancellation);

    private bool IsThere(int number, BlobId id, BlobType type)
    {
        if (_destinationIndex.Contains(id, type))
            return true;
        if (_planned is null)
            return false;
        bool isPlanned = _planned[number];
        _planned[number] = true;
        return isPlanned;
    }

    private string? Known(ImageBackupInfo image, SnapshotRecord record) => _there.TryGetValue((record.Original ?? image.Id, record.Tree), out string? id) ? id : null;

    private void FindCopies(CancellationToken cancellation)
    {
        List<StoredFile> files = _destination.Files.List(StoredKind.Snapshot).ToList();
        ParallelWork.Run(files, ParallelWork.SmallReadCount, () => (IDisposable?)null, (item, _) =>
        {
            string id = files[item].Name;
            try
            {
                SnapshotRecord record = ImageContent.LoadSnapshot(_destination, id);
                lock (_there)
                    _there[(record.Original ?? id, record.Tree)] = id;
            }
            catch (ImageBackupException e) when (e.Id is ErrorId.SnapshotCorrupt or ErrorId.ImageNotFound)
            {
                // No copy that could be relied on.
            }
        }, cancellation);
    }

    private ImageCopyResult Result(ImageBackupInfo image, string? copyId, bool isNew, CopyPlan? plan, long storedBytes, Stopwatch clock) => new()
    {
        ImageId = image.Id,
        CopyId = copyId,
        Volume = image.Volume,
        ComputerName = image.ComputerName,
        BackupTime = image.BackupTime,
        Source = _source.Location,
        Destination = _destination.Location,
        IsNew = isNew,
        ChunkCount = plan?.BlobCount,
        CopiedChunkCount = plan?.LackingCount ?? 0,
        ReadBytes = plan?.LackingBytes ?? 0,
        StoredBytes = storedBytes,
        Duration = clock.Elapsed,
    };

    public void Dispose()
    {
        _destinationLock?.Dispose();
        _sourceLock?.Dispose();
    }
}
