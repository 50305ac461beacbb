using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester;

/// <summary>
/// One backup components object: good for one attempt ("Aborting VSS Operations"). The order of calls is that of "Overview of
/// Processing a Backup Under VSS". Its steps are undone by Dispose, whatever came of them.
/// </summary>
internal sealed class RequesterSession(IBackupComponents components, TakeRequest request, Action<string> log, CancellationToken cancellation) : IDisposable
{
    private const int ContextBackup = 0;
    private const int ContextFileShareBackup = 0x10;
    private const int TypeFull = 1;
    private const int TypeCopy = 5;

    private readonly RequesterCalls _calls = new(log, TimeSpan.FromMilliseconds(request.TimeoutMilliseconds), cancellation);
    private readonly IReadOnlyList<string> _roots = [.. request.Roots.SelectMany(roots => roots)];
    private readonly List<(WriterMetadata Writer, WriterMetadataComponent Component)> _selected = [];
    private readonly List<string> _warnings = [];
    private Guid? _set;
    private bool _mustAbort;
    private bool _isDisposed;

    /// <summary>The set could not be deleted.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>One attempt.</summary>
    /// <param name="setStarted">Given the set's id before anything is added to it; returns when it is written down.</param>
    /// <param name="enabled">Only writers of these classes take part; empty: all.</param>
    /// <param name="disabled">Writers of these do not.</param>
    /// <exception cref="VssFailureException">It failed, or was cancelled.</exception>
    public TakenSet Take(Action<Guid> setStarted, IReadOnlyList<Guid> enabled, IReadOnlyList<Guid> disabled)
    {
        _calls.Run("InitializeForBackup", components.InitializeForBackup);
        // Before the metadata is gathered: afterwards it has no effect.
        if (enabled.Count > 0)
            _calls.Run("EnableWriterClasses", () => components.EnableWriterClasses([.. enabled]));
        if (disabled.Count > 0)
            _calls.Run("DisableWriterClasses", () => components.DisableWriterClasses([.. disabled]));
        _calls.Run("SetContext", () => components.SetContext(request.WithWriters ? ContextBackup : ContextFileShareBackup));
        _calls.Run("SetBackupState", () => components.SetBackupState(request.WithWriters, request.IsFull ? TypeFull : TypeCopy));
        IReadOnlyList<WriterMetadata> writers = request.WithWriters ? GatherMetadata() : [];
        if (!request.WithWriters)
            Warn("No application took part in the snapshot: its content is as after a crash.");

        Guid set = _calls.Run("StartSnapshotSet", components.StartSnapshotSet);
        _set = set;
        _mustAbort = true;
        setStarted(set);
        var copies = request.Volumes.Select(volume => _calls.Run($"AddToSnapshotSet {volume}", () => components.AddToSnapshotSet(volume))).ToList();
        Select(writers);
        _calls.Wait("PrepareForBackup", components.PrepareForBackup);
        _ = CheckWriters(writers, enabled.Count > 0);
        _calls.Wait("DoSnapshotSet", components.DoSnapshotSet);
        IReadOnlyList<WriterReport> states = CheckWriters(writers, enabled.Count > 0);

        List<TakenCopy> taken = [.. copies.Select(copy => Describe(copy, _calls.Run($"GetSnapshotProperties {copy:B}", () => components.GetSnapshotProperties(copy))))];
        List<TakenDocument> documents = [.. writers.Select(writer => new TakenDocument($"writer-{writer.ClassId:D}-{writer.InstanceId:D}.xml", writer.Xml))];
        documents.Add(new TakenDocument("components.xml", _calls.Run("SaveAsXML", components.SaveAsXml)));
        _calls.ThrowIfCancelled();
        return new TakenSet(set, taken, documents, [.. writers.Select(writer => Report(writer, states))], _warnings);
    }

    /// <summary>Null if the snapshot is as it was taken; else what is wrong with it.</summary>
    public string? Fault(Guid snapshot)
    {
        try
        {
            int state = components.GetSnapshotProperties(snapshot).State;
            return state == 12 ? null : $"VSS calls its state {state}";
        }
        catch (VssFailureException e) when (e.Result == VssResult.ObjectNotFound)
        {
            return "Windows deleted it, as it does when its storage area is full";
        }
        catch (VssFailureException e)
        {
            return "VSS could not be asked about it: " + e.Message;
        }
    }

    /// <summary>Tells the writers that the backup has ended well. Gives warnings.</summary>
    public IReadOnlyList<string> Complete()
    {
        if (!_mustAbort)
            return [];
        try
        {
            foreach ((WriterMetadata writer, WriterMetadataComponent component) in _selected)
                components.SetBackupSucceeded(writer, component, hasSucceeded: true);
            _calls.Wait("BackupComplete", components.BackupComplete);
            _mustAbort = false;
            if (!request.WithWriters)
                return [];
            // Needed too: it ends the writers' session, and tells who failed now.
            _calls.Wait("GatherWriterStatus", components.GatherWriterStatus);
            return [.. components.ReadWriterStatus().Where(VssResult.HasFailed).Select(status => $"A VSS writer failed after the backup: {VssResult.Describe(status)}.")];
        }
        catch (VssFailureException e)
        {
            return [$"The VSS writers could not be told that the backup has ended: {e.Message}."];
        }
    }

    /// <summary>Aborts what was not completed, deletes the set, lets go of the object. Never throws.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (_mustAbort)
            _ = _calls.Try("AbortBackup", components.AbortBackup);
        HasLeft = _set is { } set && !_calls.Try($"DeleteSnapshotSet {set:B}", () => Delete(components, set));
        components.Dispose();
    }

    internal static void Delete(IBackupComponents components, Guid set)
    {
        try
        {
            components.DeleteSnapshotSet(set);
        }
        catch (VssFailureException e) when (e.Result == VssResult.ObjectNotFound)
        {
            // It never came to be, or is gone already.
        }
    }

    private IReadOnlyList<WriterMetadata> GatherMetadata()
    {
        _calls.Wait("GatherWriterMetadata", components.GatherWriterMetadata);
        return _calls.Run("GetWriterMetadata", components.ReadWriterMetadata);
    }

    private void Select(IReadOnlyList<WriterMetadata> writers)
    {
        foreach (WriterMetadata writer in writers)
        {
            foreach (WriterMetadataComponent component in ComponentSelection.Of(writer, _roots))
            {
                _calls.Run($"AddComponent {writer.Name}: {component.Path}", () => components.AddComponent(writer, component));
                _selected.Add((writer, component));
            }
        }
    }

    /// <summary>
    /// After each event that VSS sends to the writers one has to ask how they took it. A requester may go on without a writer that
    /// vetoes ("Writer Errors and Vetoes"): the copy then shows that writer's data as a crash would leave them. That is for the user
    /// to accept, by leaving the writer out, if its data can be in the images or if the user named it; else it is a warning.
    /// </summary>
    private IReadOnlyList<WriterReport> CheckWriters(IReadOnlyList<WriterMetadata> writers, bool areNamed)
    {
        if (!request.WithWriters)
            return [];
        _calls.Wait("GatherWriterStatus", components.GatherWriterStatus);
        IReadOnlyList<WriterReport> states = _calls.Run("GetWriterStatus", components.ReadWriterStatus);
        var failed = new List<WriterReport>();
        foreach (WriterReport state in states.Where(VssResult.HasFailed))
        {
            WriterMetadata? writer = writers.FirstOrDefault(known => known.InstanceId == state.InstanceId);
            if (areNamed || writer is null || ComponentSelection.MayLieOn(writer, _roots))
                failed.Add(state);
            else
                Warn($"A VSS writer failed: {VssResult.Describe(state)}. None of its data lies on {string.Join(", ", request.Volumes)}.");
        }
        foreach (WriterMetadata silent in writers.Where(writer => states.All(state => state.InstanceId != writer.InstanceId) && ComponentSelection.MayLieOn(writer, _roots)))
            Warn($"The VSS writer '{silent.Name}' did not say how it took part: its data are as a crash would leave them.");
        if (failed.Count == 0)
            return states;
        FailureKind kind = failed.TrueForAll(state => VssResult.WriterMayPass(state.Failure)) ? FailureKind.AnotherTime : FailureKind.Hopeless;
        throw new VssFailureException(kind, "a writer failed: " + string.Join("; ", failed.Select(VssResult.Describe))
            + ". It can be left out with Set-SnapshotProvider -ExcludeWriter");
    }

    /// <summary>A writer's state stays what it is at the next question.</summary>
    private void Warn(string warning)
    {
        if (!_warnings.Contains(warning))
            _warnings.Add(warning);
    }

    private WriterReport Report(WriterMetadata writer, IReadOnlyList<WriterReport> states)
    {
        List<WriterMetadataComponent> selected = [.. _selected.Where(one => ReferenceEquals(one.Writer, writer)).Select(one => one.Component)];
        return WriterClasses.Report(writer, states, component => ComponentSelection.Includes(selected, component));
    }

    private static TakenCopy Describe(Guid id, SnapshotAnswer properties) => new(id, properties.Device, properties.FileTime);
}
