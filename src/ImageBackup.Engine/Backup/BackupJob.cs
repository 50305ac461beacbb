using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup.Copy;
using ImageBackup.Engine.Backup.Map;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup;

/// <summary>Takes one volume to one image.</summary>
/// <param name="repository">Where the image goes.</param>
/// <param name="volumes">The system's volumes.</param>
/// <param name="providers">The snapshot providers to choose from; null: none.</param>
/// <param name="events">The machine's logs; null: none.</param>
internal sealed class BackupJob(ImageRepository repository, IVolumeSystem volumes, SnapshotProviders? providers = null, EventLog? events = null)
{
    private readonly EventLog _events = events ?? EventLog.Silent;
    private readonly SnapshotProviders _providers = providers ?? new SnapshotProviders([]);

    /// <summary>Lines about what is being done, for -Verbose; any thread.</summary>
    public Action<string>? WriteVerbose { get; init; }

    /// <summary>Warnings that the user needs before the copy ends: a volume in use became read-only. Any thread.</summary>
    public Action<string>? WriteWarning { get; init; }

    /// <summary>What is known of the repository's snapshots already.</summary>
    public SnapshotHeaderCache Traces { get; init; } = new(repository);

    private VolumeQuiescer Quiescer => new(volumes, _providers, _events, WriteVerbose ?? (_ => { }), WriteWarning);

    /// <summary>
    /// Runs the backup. Holds a non-exclusive lock on the repository and the volume open while it runs; both are
    /// undone on every way out. On failure or cancellation nothing refers to what was written; the next backup
    /// reuses it.
    /// </summary>
    /// <exception cref="ImageBackupException">By id; see <see cref="ErrorTable"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ImageBackupInfo Run(BackupRequest request, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        if (request is null)
            throw new ArgumentNullException(nameof(request));
        try
        {
            ImageBackupInfo image = RunLocked(request, progress, cancellation);
            Log(image);
            return image;
        }
        catch (ImageBackupException e)
        {
            LogFailure(_events, request.Volume.Name, e);
            throw;
        }
    }

    /// <summary>Tells the event log that a volume was not backed up: also of what keeps a job from being started, such as a name without a volume.</summary>
    public static void LogFailure(EventLog events, string volume, ImageBackupException failure) =>
        events.Write(EventId.BackupFailed, $"The backup of '{volume}' failed: {failure.Message}", volume, failure.Id.ToString());

    /// <summary>
    /// Throws if <see cref="Run"/> would before its first change: the repository is locked, the volume cannot be opened, or it must
    /// stay writable and its plan ends in no dynamic image. Nothing is written, locked, remounted or snapshotted.
    /// </summary>
    /// <exception cref="ImageBackupException">By id.</exception>
    public void Check(BackupRequest request, CancellationToken cancellation)
    {
        repository.CheckChange(isExclusive: false);
        ImageType type = Plan(request).Type;
        VolumeDescription volume = request.Volume;
        bool mustBeQuiesced = type == ImageType.Static && !request.Quiesce.Plan.EndsDynamic;
        bool isMounted = volume.MountPoints.Count > 0;
        cancellation.ThrowIfCancellationRequested();
        if (mustBeQuiesced && isMounted && volumes.WhyNeeded(volume, repository.LocalPaths) is { } why)
            throw new ImageBackupException(ErrorId.VolumeNeeded, $"'{volume.Name}' is not remounted read-only for a static image: {why}.", volume.Name);
        using IBlockReader reader = volumes.OpenRead(volume, mustBeQuiesced && !isMounted ? VolumeOpenMode.Exclusive : VolumeOpenMode.Probe);
        if (reader.LengthBytes == 0)
            throw new ImageBackupException(ErrorId.VolumeEmpty, $"The volume '{volume.Name}' has a length of 0 bytes.", volume.Name);
    }

    private ImageBackupInfo RunLocked(BackupRequest request, IProgress<JobProgress>? progress, CancellationToken cancellation)
    {
        var run = new BackupRun(request, progress);
        _ = Plan(request);
        // It settles while the work begins: see BackupAttempt.
        using RepositoryLock held = repository.BeginLock();
        JitWarmup.Begin();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, held.Lost);
        try
        {
            // Before the volume is taken: what comes into use between its flush and the reading of its data is fuzzy, and
            // nobody should wait for a quiesced volume while an index is loaded.
            repository.Files.RemoveAbandonedUploads();
            using BackupAttempt attempt = BeginAttempt(run, held, stop.Token);
            // What the image will share with others is kept as long as what it adds, before it refers to that; no snapshot is held meanwhile.
            RetentionExtension.ExtendIfDue(repository.Files, () => attempt.KnownPacks, WriteVerbose, stop.Token);
            // Nobody is kept from writing, and no command is run, for a backup that finds the repository locked a moment later.
            if (repository.Files.Traits.IsRemote && Disturbs(request))
                held.Settle(stop.Token);
            using BackupSource source = Quiescer.Take(request, repository.LocalPaths, run.Warnings, stop.Token);
            return TakeImage(run, source, attempt, stop.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            held.ThrowIfLost();
            throw;
        }
        catch (BlockReadException e)
        {
            throw SourceChange.Failure(request.Volume, e);
        }
    }

    private static bool Disturbs(BackupRequest request) =>
        request.Volume.MountPoints.Count > 0 || request.Quiesce.PreSnapshotCommand is not null || request.Quiesce.PostSnapshotCommand is not null;

    /// <summary>Reads what the repository has, and finds the image before.</summary>
    private BackupAttempt BeginAttempt(BackupRun run, RepositoryLock held, CancellationToken cancellation) => new(repository, held, index =>
    {
        run.History = FindHistory(run, run.Request.Identity ?? run.Request.Volume.Identity, cancellation);
        return run.History.Parent is { } parent && Gmac.IsSupported ? ParentImage.Open(repository, parent, index, WriteVerbose ?? (_ => { })) : null;
    }, cancellation);

    private ImageBackupInfo TakeImage(BackupRun run, BackupSource source, BackupAttempt attempt, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, source.Lost);
        try
        {
            MappedVolume volume = Map(run.Request, source, stop.Token);
            Identify(run, volume, cancellation);
            // Which image comes before may be known only now.
            volume = volume with { Geometry = GeometryOf(run.Request, volume.Geometry.VolumeBytes, run.History.Newest?.Metadata.ChunkSizeBytes) };
            run.Warnings.AddRange(BackupWarnings.Of(run, source, volume, volumes));
            try
            {
                return CopyAndRecord(run, source, volume, attempt, stop.Token);
            }
            catch (RepositoryChangedException e)
            {
                WriteVerbose?.Invoke($"{run.VolumeName}: {e.Message} The copy begins again.");
                using BackupAttempt second = BeginAttempt(run, attempt.Lock, cancellation);
                return CopyAndRecord(run, source, volume, second, stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or BlockReadException && !cancellation.IsCancellationRequested)
        {
            // A lost snapshot shows itself as unreadable blocks; what is wrong is the snapshot.
            source.ThrowIfSpoiled();
            throw;
        }
    }

    /// <exception cref="ImageBackupException">VolumeEmpty.</exception>
    private static MappedVolume Map(BackupRequest request, BackupSource source, CancellationToken cancellation)
    {
        long lengthBytes = source.Reader.LengthBytes;
        if (lengthBytes == 0)
            throw new ImageBackupException(ErrorId.VolumeEmpty, $"The volume '{request.Volume.Name}' has a length of 0 bytes.", request.Volume.Name);
        return new MappedVolume(source.Reader, GeometryOf(request, lengthBytes, previousChunkSizeBytes: null), ReadMap(request, source, cancellation));
    }

    private static ChunkGeometry GeometryOf(BackupRequest request, long volumeBytes, int? previousChunkSizeBytes) =>
        new(volumeBytes, request.ChunkSizeBytes ?? ChunkGeometry.UsualSizeBytes(volumeBytes, previousChunkSizeBytes));

    /// <summary>Decides which volume it is, now that its content is known, and where its image is filed.</summary>
    private void Identify(BackupRun run, MappedVolume volume, CancellationToken cancellation)
    {
        FileSystemDescription? fileSystem = volume.Map.FileSystem;
        VolumeIdentity byPlace = run.Request.Volume.Identity;
        run.Identity = byPlace.WithFileSystem(fileSystem?.Type, fileSystem?.Uuid);
        // Who asked did not look at the volume: what lies there may be all that says which one it is.
        if (run.Request.Identity is null && run.Identity.StableName != byPlace.StableName)
            run.History = FindHistory(run, run.Identity, cancellation);
        run.VolumeId = run.History.VolumeId;
    }

    private ImageBackupInfo CopyAndRecord(BackupRun run, BackupSource source, MappedVolume volume, BackupAttempt attempt, CancellationToken cancellation)
    {
        TimeSpan prepared = run.Clock.Elapsed;
        CopiedChunks chunks = attempt.Copy(run, volume, cancellation);
        // What a faster disk or a faster processor would gain.
        WriteVerbose?.Invoke(FormattableString.Invariant(
            $"{run.VolumeName}: the workers waited {chunks.WorkerWait.TotalSeconds:F1} s for what was read, all together, and the readers {chunks.ReaderWait.TotalSeconds:F1} s for the workers."));
        EndReading(run, source, chunks);
        TimeSpan copied = run.Clock.Elapsed;
        ImageBackupInfo image = new ImageRecorder(repository, run, source, volume, chunks).Record(attempt, cancellation) with
        {
            ReadBytes = chunks.ReadBytes,
            ChangedBytes = chunks.NewBytes,
            PreparationTime = prepared,
            CopyTime = copied - prepared,
            RecordTime = run.Clock.Elapsed - copied,
        };
        attempt.ReportProgress();
        return source.Complete() is { Count: > 0 } late ? image with { Warnings = [.. image.Warnings, .. late] } : image;
    }

    /// <summary>Proves that what was read is one volume at one time, and gives the volume back.</summary>
    /// <exception cref="ImageBackupException">VolumeChanged, SnapshotInvalid.</exception>
    private static void EndReading(BackupRun run, BackupSource source, CopiedChunks copied)
    {
        VolumeDescription description = run.Request.Volume;
        SourceChange.ThrowIfChanged(description, source.Reader);
        if (SourceChange.ReadErrorWarning(description, copied.ReadErrors) is { } unreadable)
            run.Warnings.Add(unreadable);
        source.ThrowIfSpoiled();
        run.Warnings.AddRange(source.EndReading());
    }

    /// <summary>
    /// What can be told before anything is opened: the type that will be tried, and by whom.
    /// </summary>
    /// <exception cref="ImageBackupException">
    /// RepositoryVersionUnsupported, ParameterInvalid, SnapshotProviderNotFound, SnapshotUnavailable.
    /// </exception>
    public BackupPreview Plan(BackupRequest request)
    {
        if (request is null)
            throw new ArgumentNullException(nameof(request));
        repository.ThrowIfNotWritable();
        VolumeDescription volume = request.Volume;
        if (volume.SizeBytes > 0)
            _ = GeometryOf(request, volume.SizeBytes, previousChunkSizeBytes: null);
        return Quiescer.Plan(request);
    }

    /// <summary>
    /// Takes one snapshot set for all volumes that are to be taken by snapshot, if their provider takes sets. Each of its
    /// <see cref="SharedSnapshots.Requests"/> is then run, and its end told by <see cref="SharedSnapshots.End"/>.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is left.</exception>
    public SharedSnapshots Share(IReadOnlyList<BackupRequest> requests, CancellationToken cancellation)
    {
        if (requests is null)
            throw new ArgumentNullException(nameof(requests));
        repository.ThrowIfNotWritable();
        return SharedSnapshots.Take(requests, Quiescer, _events, WriteVerbose ?? (_ => { }), cancellation);
    }

    private void Log(ImageBackupInfo image)
    {
        _events.Write(EventId.ImageTaken, $"The image {image.ShortId} of '{image.Volume}' was taken as {image.ImageType} image.", image.Volume);
        if (image.IsFuzzy)
            _events.Write(EventId.ImageFuzzy, $"The image {image.ShortId} of '{image.Volume}' was taken while programs could write to it.", image.Volume);
        foreach (string warning in image.Warnings)
            _events.Write(EventId.ImageWarning, $"The image {image.ShortId} of '{image.Volume}': {warning}", image.Volume);
    }

    private static UsedMap ReadMap(BackupRequest request, BackupSource source, CancellationToken cancellation)
    {
        bool isLive = source.IsLive;
        return UsedMap.Read(source.Reader, new UsedMapOptions
        {
            GapSizeBytes = request.GapSizeBytes,
            IncludePageFile = request.IncludePageFile,
            IsLive = isLive,
            // A flush reaches the kernel's memory; a driver in user space keeps its own.
            IsFlushed = isLive && source.Reader is IFlushedReader { IsFlushed: true }
                && request.Volume.MountedFileSystem?.StartsWith("fuse", StringComparison.OrdinalIgnoreCase) != true,
            MountedFileSystem = request.Volume.MountedFileSystem,
        }, cancellation);
    }

    private VolumeHistory FindHistory(BackupRun run, VolumeIdentity identity, CancellationToken cancellation)
    {
        try
        {
            var query = new VolumeHistoryQuery(run.ComputerName, run.VolumeName, identity, run.Request.Twins.Count > 0) { ChunkSizeBytes = run.Request.ChunkSizeBytes };
            return PreviousImage.Find(repository, Traces, query, run.Start, cancellation);
        }
        catch (ImageBackupException e)
        {
            WriteVerbose?.Invoke($"The last image of '{run.VolumeName}' cannot be read, so every chunk is hashed: {e.Message}");
            return new VolumeHistory(identity.StableName ?? run.VolumeName, null);
        }
    }
}
