using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Vss.Requester;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requesting;

/// <summary>A finished set that a requester holds; aborted if it was not completed, and deleted, by Dispose.</summary>
internal sealed class RequesterSnapshotSet : IWriterSnapshotSet
{
    private static readonly TimeSpan s_stateTimeout = TimeSpan.FromSeconds(20);

    private readonly object _gate = new();
    private readonly RequesterConnection _connection;
    private readonly WindowsUndoRecord _record;
    private readonly TimeSpan _timeout;
    private readonly Action<string> _log;
    private bool _isDisposed;

    /// <param name="connection">To the requester that holds it.</param>
    /// <param name="record">Removed with it.</param>
    /// <param name="system">Opens the copies.</param>
    /// <param name="volumes">Of which it is.</param>
    /// <param name="taken">As many copies as volumes.</param>
    /// <param name="how">The limit of a step, and where its lines go.</param>
    /// <exception cref="ProtocolException">It has another number.</exception>
    public RequesterSnapshotSet(RequesterConnection connection, WindowsUndoRecord record, Func<IVolumeSystem> system, IReadOnlyList<VolumeDescription> volumes,
        TakenSet taken, (TimeSpan Timeout, Action<string> Log) how)
    {
        if (taken.Copies.Count != volumes.Count)
            throw new ProtocolException($"{taken.Copies.Count} copies of {volumes.Count} volumes");
        _connection = connection;
        _record = record;
        _timeout = how.Timeout;
        _log = how.Log;
        Warnings = taken.Warnings;
        Writers = [.. taken.Writers.Select(writer => Describe(writer, includedOnly: true))];
        Documents = [.. taken.Documents.Select(document => new SnapshotDocument(document.Name, Encoding.UTF8.GetBytes(document.Text)))];
        Time = TimeOf(taken.Copies[0].FileTime);
        Snapshots = [.. volumes.Zip(taken.Copies, (volume, copy) => new ShadowCopy(system, volume, copy.Device, () => QueryState(copy.Id), () => Volatile.Read(ref _isDisposed)))];
    }

    public string ProviderName => VssSnapshotProvider.ProviderName;
    public DateTimeOffset Time { get; }
    public IReadOnlyList<ISnapshot> Snapshots { get; }
    public IReadOnlyList<SnapshotDocument> Documents { get; }
    public IReadOnlyList<string> Warnings { get; }
    public IReadOnlyList<SnapshotWriter> Writers { get; }

    /// <param name="writer">As the requester tells it.</param>
    /// <param name="includedOnly">Without the components that are not in the set.</param>
    public static SnapshotWriter Describe(WriterReport writer, bool includedOnly) => new()
    {
        Name = writer.Name,
        Id = writer.ClassId,
        InstanceId = writer.InstanceId,
        State = VssResult.StateWords(writer.State),
        Failure = writer.Failure == VssResult.Ok ? null : VssResult.Describe(writer.Failure),
        Components = [.. writer.Components.Where(component => component.IsIncluded || !includedOnly).Select(component => component.Path)],
    };

    /// <summary>Dispose aborts a set that did not succeed.</summary>
    public IReadOnlyList<string> Complete(bool succeeded)
    {
        if (!succeeded)
            return [];
        lock (_gate)
        {
            if (_isDisposed)
                return [];
            try
            {
                FrameReader answer = _connection.Ask(new FrameWriter(MessageKind.Complete), MessageKind.Completed, _timeout, _log);
                return answer.ReadAll(one => one.ReadText());
            }
            catch (Exception e) when (e is VssSupportException or ProtocolException or OperationCanceledException)
            {
                return [$"The VSS writers could not be told that the backup has ended: {e.Message.TrimEnd('.')}."];
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            bool isGone = false;
            try
            {
                _ = _connection.Ask(new FrameWriter(MessageKind.Release), MessageKind.Done, _timeout, _log);
                isGone = true;
            }
            catch (Exception e) when (e is VssSupportException or OperationCanceledException)
            {
                // What the requester could not delete goes with its process, if Windows keeps its word: the next run asks.
                _log($"VSS: {e.Message}. The next run tries again.");
            }
            _connection.Dispose();
            if (isGone)
                _record.Remove();
            else
                _record.Dispose();
        }
    }

    private SnapshotState QueryState(Guid snapshot)
    {
        lock (_gate)
        {
            if (_isDisposed)
                return Invalid("it was removed");
            try
            {
                string fault = _connection.Ask(new FrameWriter(MessageKind.QueryState).Add(snapshot), MessageKind.State, s_stateTimeout, _log).ReadText();
                return fault.Length == 0 ? new SnapshotState { IsValid = true } : Invalid(fault);
            }
            catch (Exception e) when (e is VssSupportException or ProtocolException or OperationCanceledException)
            {
                return Invalid("VSS could not be asked about it: " + e.Message.TrimEnd('.'));
            }
        }
    }

    private static DateTimeOffset TimeOf(long fileTime)
    {
        try
        {
            return new DateTimeOffset(DateTime.FromFileTimeUtc(fileTime)).ToLocalTime();
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new ProtocolException($"a snapshot of the time {fileTime}");
        }
    }

    private static SnapshotState Invalid(string fault) => new() { IsValid = false, Fault = fault };
}
