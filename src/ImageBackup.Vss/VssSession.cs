using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Alphaleonis.Win32.Vss;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>
/// One backup components object: good for one attempt ("Aborting VSS Operations"). The order of calls is that of "Overview of
/// Processing a Backup Under VSS". Every call has the time limit; the steps taken are undone on every way out.
/// </summary>
internal sealed partial class VssSession : IDisposable
{
    private readonly object _gate = new();
    private readonly IVssBackupComponents _components;
    private readonly VssCalls _calls;
    private readonly WindowsUndoRecord _record;
    private readonly Action<string> _log;
    private readonly List<string> _warnings = [];
    private Guid? _set;
    private bool _mustAbort;
    private bool _isDisposed;

    private VssSession(IVssBackupComponents components, VssCalls calls, WindowsUndoRecord record, Action<string> log)
    {
        _components = components;
        _calls = calls;
        _record = record;
        _log = log;
    }

    /// <summary>One attempt.</summary>
    /// <exception cref="VssSupportException">It failed; its steps are undone.</exception>
    /// <exception cref="ImageBackupException">SnapshotFailed: nothing was begun.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what it had begun is undone.</exception>
    public static VssSnapshotSet Take(VssMachine machine, IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log,
        CancellationToken cancellation)
    {
        IVssService service = machine.Service;
        var calls = new VssCalls(options.Timeout, log);
        WindowsUndoRecord record = machine.Records.Begin(VssRecord.Begun(volumes), (why, e) =>
            new ImageBackupException(ErrorId.SnapshotFailed, $"VSS cannot take a snapshot of '{volumes[0].Name}': {why}", volumes[0].Name, e));
        VssSession? session = null;
        try
        {
            WriterChoice writers = WriterChoice.Of(service, calls, options, cancellation);
            session = new VssSession(Create(service, calls, cancellation), calls, record, log);
            return session.Take(volumes, machine.System, writers, options.BackupType, cancellation);
        }
        catch
        {
            if (session is null)
                record.Remove();
            else
                session.Dispose();
            throw;
        }
    }

    private VssSnapshotSet Take(IReadOnlyList<VolumeDescription> volumes, Func<IVolumeSystem> system, WriterChoice writers, SnapshotBackupType type, CancellationToken cancellation)
    {
        _calls.Run("InitializeForBackup", () => _components.InitializeForBackup(null), cancellation);
        // Before the metadata is gathered: afterwards it has no effect.
        if (writers.Enabled.Length > 0)
            _calls.Run("EnableWriterClasses", () => _components.EnableWriterClasses(writers.Enabled), cancellation);
        if (writers.Disabled.Length > 0)
            _calls.Run("DisableWriterClasses", () => _components.DisableWriterClasses(writers.Disabled), cancellation);
        VssSnapshotContext context = writers.None ? VssSnapshotContext.FileShareBackup : VssSnapshotContext.Backup;
        _calls.Run("SetContext", () => _components.SetContext(context), cancellation);
        // Whole volumes, so no components are chosen; a copy, if nothing else is asked for, so that an application's own chain of log backups stays whole.
        VssBackupType told = type == SnapshotBackupType.Full ? VssBackupType.Full : VssBackupType.Copy;
        _calls.Run("SetBackupState", () => _components.SetBackupState(false, true, told, false), cancellation);
        var documents = new List<SnapshotDocument>();
        if (writers.None)
        {
            _warnings.Add(SnapshotOptions.WithoutWritersWarning);
        }
        else
        {
            _calls.Wait("GatherWriterMetadata", _components.GatherWriterMetadataAsync, cancellation);
            _calls.Run("GetWriterMetadata", () => documents.AddRange(WriterDocuments()), cancellation);
        }

        Guid set = _calls.Run("StartSnapshotSet", _ => _components.StartSnapshotSet(), cancellation, late => AbortLate());
        _set = set;
        _mustAbort = true;
        Note(set);
        var copies = new List<(VolumeDescription Volume, Guid Id)>();
        foreach (VolumeDescription volume in volumes)
        {
            string root = ShadowedVolume.RootOf(volume)!;
            copies.Add((volume, _calls.Run($"AddToSnapshotSet {root}", _ => _components.AddToSnapshotSet(root), cancellation)));
        }
        _calls.Wait("PrepareForBackup", _components.PrepareForBackupAsync, cancellation);
        CheckWriters(volumes, writers, cancellation);
        _calls.Wait("DoSnapshotSet", _components.DoSnapshotSetAsync, cancellation);
        CheckWriters(volumes, writers, cancellation);

        var snapshots = copies.Select(copy => (copy.Volume, copy.Id,
            Properties: _calls.Run($"GetSnapshotProperties {copy.Id:B}", _ => _components.GetSnapshotProperties(copy.Id), cancellation))).ToList();
        documents.Add(new SnapshotDocument("components.xml", Encoding.UTF8.GetBytes(_calls.Run("SaveAsXml", _ => _components.SaveAsXml(), cancellation))));
        cancellation.ThrowIfCancellationRequested();
        return new VssSnapshotSet(this, system, snapshots, documents, _warnings);
    }

    public bool IsDisposed => Volatile.Read(ref _isDisposed);

    /// <summary>Whether the copy is still there.</summary>
    public SnapshotState QueryState(Guid snapshot)
    {
        lock (_gate)
        {
            if (_isDisposed)
                return Invalid("it was removed");
            try
            {
                VssSnapshotState state = TimeLimitedCall.Run(_ => _components.GetSnapshotProperties(snapshot).Status, s_stateTimeout, CancellationToken.None);
                return state == VssSnapshotState.Created ? new SnapshotState { IsValid = true } : Invalid($"VSS calls it {state}");
            }
            catch (VssObjectNotFoundException)
            {
                return Invalid("Windows deleted it, as it does when its storage area is full");
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                return Invalid("VSS could not be asked about it: " + e.Message);
            }
        }
    }

    /// <summary>Tells the writers that the backup has ended well. Gives warnings.</summary>
    public IReadOnlyList<string> Complete()
    {
        lock (_gate)
        {
            if (_isDisposed || !_mustAbort)
                return [];
            try
            {
                _calls.Wait("BackupComplete", _components.BackupCompleteAsync, CancellationToken.None);
                _mustAbort = false;
                // Needed too: it sets the writers' session to completed (before Windows Server 2008 R2), and tells who failed now.
                _calls.Wait("GatherWriterStatus", _components.GatherWriterStatusAsync, CancellationToken.None);
                return [.. _components.WriterStatus.Where(WriterChoice.HasFailed).Select(status => $"A VSS writer failed after the backup: {WriterChoice.Describe(status)}.")];
            }
            catch (VssSupportException e)
            {
                return [$"The VSS writers could not be told that the backup has ended: {e.Message}."];
            }
        }
    }

    /// <summary>Aborts what was not completed, deletes the set, lets go of the object. Never throws.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            if (_mustAbort)
                _ = Try("AbortBackup", _components.AbortBackup);
            bool isGone = _set is not { } set || Try($"DeleteSnapshotSet {set:B}", () => Delete(_components, set));
            // A copy of this context lives no longer than the object: with it goes what could not be deleted.
            isGone |= Try("Release", _components.Dispose);
            if (isGone)
                _record.Remove();
            else
                _record.Dispose();
        }
    }

    private void Note(Guid set)
    {
        try
        {
            _record.Write(VssRecord.Started(set));
        }
        catch (IOException e)
        {
            throw new VssSupportException(VssSupport.Hopeless, "it could not be written down that the set must be removed: " + e.Message, e);
        }
    }

    private IEnumerable<SnapshotDocument> WriterDocuments()
    {
        foreach (IVssExamineWriterMetadata writer in _components.WriterMetadata)
            yield return new SnapshotDocument($"writer-{writer.WriterId:D}-{writer.InstanceId:D}.xml", Encoding.UTF8.GetBytes(writer.SaveAsXml()));
    }

    /// <summary>
    /// After each event that VSS sends to the writers one has to ask how they took it. A requester may go on without a writer that
    /// vetoes ("Writer Errors and Vetoes"): the copy then shows that writer's data as a crash would leave them. That is for the user
    /// to accept, by leaving the writer out, if its data can be in the images or if the user named it; else it is a warning.
    /// </summary>
    private void CheckWriters(IReadOnlyList<VolumeDescription> volumes, WriterChoice writers, CancellationToken cancellation)
    {
        if (writers.None)
            return;
        _calls.Wait("GatherWriterStatus", _components.GatherWriterStatusAsync, cancellation);
        List<VssWriterStatusInfo> failed = [];
        _calls.Run("GetWriterStatus", () => failed.AddRange(_components.WriterStatus.Where(WriterChoice.HasFailed)), cancellation);
        if (failed.Count == 0)
            return;
        // With writers enabled no other takes part.
        if (writers.Enabled.Length == 0)
            _calls.Run("GetWriterMetadata", () => failed.RemoveAll(status => IsBystander(status, volumes)), cancellation);
        if (failed.Count == 0)
            return;
        VssSupport support = failed.TrueForAll(WriterChoice.MayPass) ? VssSupport.AnotherTime : VssSupport.Hopeless;
        throw new VssSupportException(support, "a writer failed: " + string.Join("; ", failed.Select(WriterChoice.Describe))
            + ". It can be left out with Set-SnapshotProvider -ExcludeWriter");
    }

    /// <summary>No file of it can be on the volumes; then the warning is noted. A writer that told nothing of its files is none.</summary>
    private bool IsBystander(VssWriterStatusInfo status, IReadOnlyList<VolumeDescription> volumes)
    {
        IVssExamineWriterMetadata? writer = _components.WriterMetadata.FirstOrDefault(known => known.InstanceId == status.InstanceId);
        if (writer is null || WriterData.MayLieOn(writer, volumes))
            return false;
        // Its state stays what it is at the next question.
        string warning = $"A VSS writer failed: {WriterChoice.Describe(status)}. None of its data lies on {string.Join(", ", volumes.Select(volume => volume.Name))}.";
        if (!_warnings.Contains(warning))
            _warnings.Add(warning);
        return true;
    }

    /// <summary>StartSnapshotSet came back after its time limit: left alone, it would block everybody's next set.</summary>
    private void AbortLate() => _ = Try("AbortBackup", _components.AbortBackup);

    private bool Try(string name, Action call)
    {
        try
        {
            _calls.Run(name, call, CancellationToken.None);
            return true;
        }
        catch (VssSupportException e)
        {
            _log("VSS: " + e.Message);
            return false;
        }
    }

    private static SnapshotState Invalid(string fault) => new() { IsValid = false, Fault = fault };
}
