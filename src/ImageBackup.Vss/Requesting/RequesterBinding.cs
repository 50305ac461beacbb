using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requesting;

/// <summary>VSS through the module's own requester, a process of its own (see <see cref="RequesterLauncher"/>).</summary>
/// <remarks>Proven under Wine, against a vssapi.dll made from the public header: it never ran on a real Windows.</remarks>
/// <param name="system">Opens the copies; asked for when needed.</param>
/// <param name="records">Where it is written down what must be deleted.</param>
/// <param name="start">Starts a requester; given the time limit.</param>
/// <param name="whyNot">Why this process can have none; null: it can.</param>
internal sealed class RequesterBinding(
    Func<IVolumeSystem> system, SnapshotUndoRecords<WindowsUndoRecord> records, Func<TimeSpan, RequesterConnection> start, Func<string?> whyNot) : IVssBinding
{
    /// <summary>A process is not started three times for the three questions of one backup.</summary>
    private static readonly TimeSpan s_idleLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(30);

    private readonly object _gate = new();
    private RequesterConnection? _idle;
    private Timer? _idleEnd;

    public string Name => "the module's own requester";

    public string? WhyNotUsable()
    {
        if (whyNot() is { } why)
            return why;
        try
        {
            Return(Borrow());
            return null;
        }
        catch (VssSupportException e)
        {
            return "VSS cannot be spoken to: " + e.Message;
        }
    }

    public bool IsSupported(string root, TimeSpan timeout) => With(connection =>
    {
        FrameReader answer = connection.Ask(new FrameWriter(MessageKind.IsSupported).Add(root), MessageKind.Answer, timeout, _ => { });
        return answer.ReadBoolean();
    });

    public ISnapshotSet Take(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options, Action<string> log, CancellationToken cancellation)
    {
        WindowsUndoRecord record = records.Begin(VssRecord.Begun(volumes), (why, e) =>
            new ImageBackupException(ErrorId.SnapshotFailed, $"VSS cannot take a snapshot of '{volumes[0].Name}': {why}", volumes[0].Name, e));
        bool isLeft = false;
        RequesterConnection? connection = null;
        try
        {
            connection = Borrow();
            FrameReader answer = connection.Ask(RequestOf(volumes, options).Write(), MessageKind.Taken, options.Timeout, log, set =>
            {
                Note(record, set);
                isLeft = true;
            }, cancellation);
            // It may have come in the moment of a cancellation; closing the pipe gives it back.
            cancellation.ThrowIfCancellationRequested();
            return new RequesterSnapshotSet(connection, record, system, volumes, TakenSet.Read(answer), (options.Timeout, log));
        }
        catch (Exception e)
        {
            // A requester that answered with a failure has undone what it began; one that is gone may not have.
            bool mayBeLeft = isLeft && connection is { IsBroken: true };
            connection?.Dispose();
            if (mayBeLeft)
                record.Dispose();
            else
                record.Remove();
            if (e is ProtocolException)
                throw new VssSupportException(VssSupport.Hopeless, "the VSS requester failed: " + e.Message.TrimEnd('.'), e);
            throw;
        }
    }

    public void DeleteLeft(IReadOnlyDictionary<string, string> values, Action<string> log)
    {
        if (VssRecord.SetOf(values) is not { } set)
        {
            log($"VSS: the {VssRecord.NameOf(values)} had no id yet when its run was killed; VSS drops such a set with its process.");
            return;
        }
        With(connection => connection.Ask(new FrameWriter(MessageKind.DeleteSet).Add(set), MessageKind.Done, new SnapshotOptions().Timeout, log));
    }

    public IReadOnlyList<SnapshotWriter> ListWriters(TimeSpan timeout, CancellationToken cancellation) => With(connection =>
    {
        FrameReader answer = connection.Ask(new FrameWriter(MessageKind.ListWriters).Add((int)timeout.TotalMilliseconds), MessageKind.Writers, timeout, _ => { }, null, cancellation);
        IReadOnlyList<WriterReport> writers = answer.ReadAll(WriterReport.Read);
        answer.End();
        return (IReadOnlyList<SnapshotWriter>)[.. writers.Select(writer => RequesterSnapshotSet.Describe(writer, includedOnly: false))];
    });

    private static void Note(WindowsUndoRecord record, Guid set)
    {
        try
        {
            record.Write(VssRecord.Started(set));
        }
        catch (IOException e)
        {
            throw new VssSupportException(VssSupport.Hopeless, "it could not be written down that the set must be removed: " + e.Message, e);
        }
    }

    private static TakeRequest RequestOf(IReadOnlyList<VolumeDescription> volumes, SnapshotOptions options) => new()
    {
        Volumes = [.. volumes.Select(volume => ShadowedVolume.RootOf(volume)!)],
        Roots = [.. volumes.Select(volume => (IReadOnlyList<string>)[.. volume.MountPoints.Concat(volume.Aliases).Append(volume.Name).Select(WithSeparator)])],
        WithWriters = !options.WithoutWriters,
        IsFull = options.BackupType == SnapshotBackupType.Full,
        IncludeWriters = options.IncludeWriters,
        ExcludeWriters = options.ExcludeWriters,
        TimeoutMilliseconds = (int)Math.Min(options.Timeout.TotalMilliseconds, int.MaxValue),
    };

    private T With<T>(Func<RequesterConnection, T> ask)
    {
        RequesterConnection connection = Borrow();
        try
        {
            return ask(connection);
        }
        catch (ProtocolException e)
        {
            connection.Dispose();
            throw new VssSupportException(VssSupport.Hopeless, "the VSS requester failed: " + e.Message, e);
        }
        finally
        {
            Return(connection);
        }
    }

    private RequesterConnection Borrow()
    {
        RequesterConnection? idle;
        lock (_gate)
        {
            idle = _idle;
            _idle = null;
        }
        if (idle is { IsBroken: false })
            return idle;
        idle?.Dispose();
        return start(s_startLimit);
    }

    private void Return(RequesterConnection connection)
    {
        lock (_gate)
        {
            if (_idle is null && !connection.IsBroken)
            {
                _idle = connection;
                _idleEnd ??= new Timer(_ => EndIdle());
                _idleEnd.Change(s_idleLimit, Timeout.InfiniteTimeSpan);
                return;
            }
        }
        connection.Dispose();
    }

    private void EndIdle()
    {
        RequesterConnection? idle;
        lock (_gate)
        {
            idle = _idle;
            _idle = null;
        }
        idle?.Dispose();
    }

    private static string WithSeparator(string path) => path.EndsWith("\\", StringComparison.Ordinal) ? path : path + "\\";
}
