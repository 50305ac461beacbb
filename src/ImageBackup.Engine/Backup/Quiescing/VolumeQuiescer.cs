using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Undo;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Engine.Backup.Quiescing;

/// <summary>
/// Takes a volume for its copy: the snapshot, and the failover if there is none; the attempts to quiesce it, and
/// what follows when it does not.
/// </summary>
/// <param name="volumes">The system's volumes.</param>
/// <param name="providers">The snapshot providers to choose from.</param>
/// <param name="events">The machine's logs.</param>
/// <param name="writeVerbose">Lines for -Verbose; any thread.</param>
/// <param name="writeWarning">What the user must know at once, because programs notice it while the copy runs; any thread.</param>
internal sealed partial class VolumeQuiescer(
    IVolumeSystem volumes, SnapshotProviders providers, EventLog events, Action<string> writeVerbose, Action<string>? writeWarning = null)
{
    /// <summary>What would be tried. Touches nothing.</summary>
    /// <exception cref="ImageBackupException">SnapshotProviderNotFound; SnapshotUnavailable (asked for, with NoFailover).</exception>
    public BackupPreview Plan(BackupRequest request) => Choose(request).Plan;

    /// <summary>The provider that would take a snapshot of it; null: none would, or something else is wrong with the request.</summary>
    public ISnapshotProvider? ProviderOf(BackupRequest request)
    {
        try
        {
            return Choose(request).Provider;
        }
        catch (ImageBackupException)
        {
            // The run of the request gets the error.
            return null;
        }
    }

    /// <param name="request">What is asked for.</param>
    /// <param name="neededPaths">What must stay writable.</param>
    /// <param name="warnings">What the user has to know is added here; recorded with the image.</param>
    /// <param name="cancellation">Also ends a wait.</param>
    /// <exception cref="ImageBackupException">By id.</exception>
    public BackupSource Take(BackupRequest request, IReadOnlyList<string> neededPaths, List<string> warnings, CancellationToken cancellation)
    {
        QuiesceOptions options = request.Quiesce;
        if (request.TakenSnapshot is { } taken)
            return Freeze(request.Volume, taken, ownsSet: false, warnings);
        RemoveOrphans();
        (BackupPreview plan, ISnapshotProvider? provider) = Choose(request);
        string? failoverReason = plan.FailoverReason;
        ImageType type = plan.Type;
        if (type == ImageType.Snapshot)
        {
            try
            {
                return TakeSnapshot(request, provider!, warnings, cancellation);
            }
            catch (ImageBackupException e) when (e.Id is not ErrorId.SnapshotCommandFailed)
            {
                events.Write(EventId.SnapshotFailed, e.Message, request.Volume.Name, e.Id.ToString());
                if (options.NoFailover)
                    throw;
                failoverReason = e.Message;
                type = options.Failover;
            }
        }
        if (failoverReason is not null)
            SayFailover(request.Volume.Name, type, failoverReason, warnings);
        return type == ImageType.Static
            ? TakeQuiesced(request, neededPaths, failoverReason, warnings, cancellation)
            : TakeLive(request.Volume, failoverReason);
    }

    private (BackupPreview Plan, ISnapshotProvider? Provider) Choose(BackupRequest request)
    {
        QuiesceOptions options = request.Quiesce;
        if (request.TakenSnapshot is { } taken)
            return (new BackupPreview(ImageType.Snapshot, taken.Set.ProviderName, null, "a snapshot was taken of it"), null);
        // The policy asked for a snapshot and knew already that none can be had.
        if (request.Plan is { Type: { IsFailover: true, Reason: { } known } })
        {
            return options.NoFailover
                ? throw new ImageBackupException(ErrorId.SnapshotUnavailable, $"Cannot take a snapshot of '{request.Volume.Name}': {known}.", request.Volume.Name)
                : (new BackupPreview(request.ImageType ?? options.Failover, null, known, known), null);
        }
        if (request.ImageType is ImageType.Static or ImageType.Dynamic)
            return (new BackupPreview(request.ImageType.Value, null, null, "asked for"), null);
        (ISnapshotProvider? provider, string? whyNot) = providers.Choose(request.Volume, options.SnapshotProvider, options.Snapshot);
        if (provider is not null)
        {
            string reason = request.ImageType is null ? "a snapshot provider is usable" : "asked for";
            return (new BackupPreview(ImageType.Snapshot, provider.Name, null, reason), provider);
        }
        // The user did not ask for a snapshot: an image without one is not a failover.
        if (request.ImageType is null)
            return (new BackupPreview(options.Failover, null, null, whyNot!), null);
        if (options.NoFailover)
            throw new ImageBackupException(ErrorId.SnapshotUnavailable, $"Cannot take a snapshot of '{request.Volume.Name}': {whyNot}.", request.Volume.Name);
        return (new BackupPreview(options.Failover, null, whyNot, whyNot!), null);
    }

    private BackupSource TakeQuiesced(BackupRequest request, IReadOnlyList<string> neededPaths, string? failoverReason, List<string> warnings,
        CancellationToken cancellation)
    {
        VolumeDescription volume = request.Volume;
        QuiesceOptions options = request.Quiesce;
        string why = "its class asks for a dynamic image";
        for (int attempt = 1; attempt <= options.Plan.AttemptCount; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                IQuiescedVolume quiesced = volumes.OpenQuiesced(volume, neededPaths);
                events.Write(EventId.VolumeQuiesced, $"'{volume.Name}' is quiesced: {quiesced.How}.", volume.Name);
                writeVerbose($"{volume.Name}: {quiesced.How}.");
                if (quiesced.Disruption is { } disruption)
                    writeWarning?.Invoke(disruption);
                return BackupSource.FromQuiesced(volume, quiesced, events, failoverReason);
            }
            catch (ImageBackupException e) when (e.Id is ErrorId.VolumeInUse or ErrorId.VolumeNeeded)
            {
                why = e.Message;
                bool isLast = attempt == options.Plan.AttemptCount || e.Id == ErrorId.VolumeNeeded;
                if (isLast && !options.Plan.EndsDynamic)
                {
                    events.Write(EventId.VolumeInUse, e.Message, volume.Name, e.Id.ToString());
                    throw;
                }
                if (isLast)
                    break;
                string wait = string.Format(CultureInfo.InvariantCulture, "{0} Attempt {1} of {2}; trying again in {3:0.###} s.",
                    e.Message, attempt, options.Plan.AttemptCount, options.IdleWait.TotalSeconds);
                events.Write(EventId.VolumeBusy, wait, volume.Name);
                writeVerbose(wait);
                if (cancellation.WaitHandle.WaitOne(options.IdleWait))
                    cancellation.ThrowIfCancellationRequested();
            }
        }
        warnings.Add($"'{volume.Name}' could not be quiesced and is copied as it is: {why}");
        return TakeLive(volume, failoverReason);
    }

    private BackupSource TakeLive(VolumeDescription volume, string? failoverReason) =>
        BackupSource.FromLive(volume, volumes.OpenRead(volume, VolumeOpenMode.Shared), events, failoverReason);

    private void SayFailover(string volume, ImageType type, string reason, List<string> warnings)
    {
        string message = $"Cannot take a snapshot of '{volume}', so the image is {type}: {reason}";
        warnings.Add(message);
        events.Write(EventId.ImageFailedOver, message, volume);
    }

    /// <summary>The orphans of killed runs are found, logged and removed before anything new begins.</summary>
    public void RemoveOrphans() => new UndoJob(volumes, providers, events, writeVerbose).UndoAll();
}
