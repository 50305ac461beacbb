using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester;

/// <summary>
/// The requester's end of the pipe. One thread reads and one works, so that a broken pipe ends a step that goes on. Whatever ends it
/// (told to, the pipe broken, bytes that are not a message), the set that it holds is given back first.
/// </summary>
#pragma warning disable CA1001 // What its two threads share: either may hold it when the other has ended.
internal sealed class RequesterServer(FramePipe frames, Func<IBackupComponents> create)
#pragma warning restore CA1001
{
    private const int ContextAll = -1;

    /// <summary>No honest end asks for more at a time.</summary>
    private const int MostWaiting = 16;

    private readonly BlockingCollection<FrameReader> _waiting = new(MostWaiting);
    private readonly CancellationTokenSource _gone = new();
    private readonly ManualResetEventSlim _noted = new();
    private CancellationTokenSource? _current;
    private RequesterSession? _session;
    private string? _fault;

    /// <summary>Cancelled when the other end is gone.</summary>
    public CancellationToken Gone => _gone.Token;

    /// <summary>Serves until the other end is gone; null if that was between two messages, else what was wrong.</summary>
    /// <param name="notice">A first line for the log; null: none.</param>
    public string? Run(string? notice)
    {
        try
        {
            frames.SayHello();
            frames.ExpectHello();
            if (notice is not null)
                Log(notice);
        }
        catch (Exception e) when (e is IOException or ProtocolException or ObjectDisposedException)
        {
            return e.Message;
        }
        new Thread(ReadAll) { IsBackground = true, Name = "requester's reader" }.Start();
        try
        {
            foreach (FrameReader message in _waiting.GetConsumingEnumerable())
                Handle(message);
        }
        catch (Exception e) when (e is IOException or ProtocolException or ObjectDisposedException)
        {
            _fault ??= e.Message;
        }
        finally
        {
            _gone.Cancel();
            _session?.Dispose();
        }
        return _fault;
    }

    private void ReadAll()
    {
        try
        {
            while (frames.Read() is { } message)
            {
                switch (message.Kind)
                {
                    case MessageKind.Cancel:
                        message.End();
                        CancelCurrent();
                        break;
                    case MessageKind.SetNoted:
                        message.End();
                        _noted.Set();
                        break;
                    default:
                        if (!_waiting.TryAdd(message))
                            throw new ProtocolException("more messages than one may send before their answers");
                        break;
                }
            }
        }
        catch (Exception e) when (e is IOException or ProtocolException or ObjectDisposedException)
        {
            _fault ??= e.Message;
        }
        _gone.Cancel();
        _waiting.CompleteAdding();
    }

    /// <summary>A step that ends in the same moment is not cancelled any more.</summary>
    private void CancelCurrent()
    {
        try
        {
            Volatile.Read(ref _current)?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // Its answer is on the way.
        }
    }

    private void Handle(FrameReader message)
    {
        using var current = CancellationTokenSource.CreateLinkedTokenSource(_gone.Token);
        Volatile.Write(ref _current, current);
        try
        {
            frames.Write(Answer(message, current.Token));
        }
        catch (VssFailureException e)
        {
            frames.Write(new FrameWriter(MessageKind.Failed).Add((int)e.Kind).Add(e.Result).Add(e.Message));
        }
        finally
        {
            Volatile.Write(ref _current, null);
        }
    }

    private FrameWriter Answer(FrameReader message, CancellationToken cancellation)
    {
        switch (message.Kind)
        {
            case MessageKind.Probe:
                message.End();
                using (IBackupComponents components = create())
                    components.InitializeForBackup();
                return new FrameWriter(MessageKind.Done);
            case MessageKind.IsSupported:
                return IsSupported(message);
            case MessageKind.ListWriters:
                return ListWriters(message, cancellation);
            case MessageKind.Take:
                return Take(TakeRequest.Read(message), cancellation);
            case MessageKind.QueryState:
                Guid snapshot = message.ReadGuid();
                message.End();
                return new FrameWriter(MessageKind.State).Add(Session.Fault(snapshot) ?? "");
            case MessageKind.Complete:
                message.End();
                return new FrameWriter(MessageKind.Completed).AddAll(Session.Complete(), (frame, warning) => frame.Add(warning));
            case MessageKind.Release:
                message.End();
                return Release();
            case MessageKind.DeleteSet:
                return DeleteSet(message);
            default:
                throw new ProtocolException($"a message {(byte)message.Kind}");
        }
    }

    private RequesterSession Session => _session ?? throw new ProtocolException("a question about a set, and there is none");

    private FrameWriter IsSupported(FrameReader message)
    {
        string volume = message.ReadText();
        message.End();
        using IBackupComponents components = create();
        components.InitializeForBackup();
        components.SetContext(0);
        return new FrameWriter(MessageKind.Answer).Add(components.IsVolumeSupported(volume));
    }

    private FrameWriter ListWriters(FrameReader message, CancellationToken cancellation)
    {
        int timeout = message.ReadInt32();
        message.End();
        var calls = new RequesterCalls(Log, TimeSpan.FromMilliseconds(Math.Max(1, timeout)), cancellation);
        using IBackupComponents components = create();
        IReadOnlyList<WriterMetadata> writers = Gather(calls, components);
        calls.Wait("GatherWriterStatus", components.GatherWriterStatus);
        IReadOnlyList<WriterReport> states = calls.Run("GetWriterStatus", components.ReadWriterStatus);
        return new FrameWriter(MessageKind.Writers).AddAll(writers, (frame, writer) => WriterClasses.Report(writer, states, _ => false).Write(frame));
    }

    private FrameWriter Take(TakeRequest request, CancellationToken cancellation)
    {
        if (_session is not null)
            throw new ProtocolException("a second set");
        var calls = new RequesterCalls(Log, TimeSpan.FromMilliseconds(request.TimeoutMilliseconds), cancellation);
        (IReadOnlyList<Guid> enabled, IReadOnlyList<Guid> disabled) = request.WithWriters ? WriterClasses.Of(request, () =>
        {
            // An object of its own: the one that makes the snapshot must be told before it gathers the metadata.
            using IBackupComponents other = create();
            return Gather(calls, other);
        }) : ([], []);
        _noted.Reset();
        var session = new RequesterSession(calls.Run("CreateVssBackupComponents", create), request, Log, cancellation);
        try
        {
            FrameWriter answer = session.Take(set =>
            {
                frames.Write(new FrameWriter(MessageKind.SetStarted).Add(set));
                if (WaitHandle.WaitAny([_noted.WaitHandle, cancellation.WaitHandle]) != 0)
                    calls.ThrowIfCancelled();
            }, enabled, disabled).Write();
            _session = session;
            return answer;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private static IReadOnlyList<WriterMetadata> Gather(RequesterCalls calls, IBackupComponents components)
    {
        calls.Run("InitializeForBackup", components.InitializeForBackup);
        calls.Wait("GatherWriterMetadata", components.GatherWriterMetadata);
        return calls.Run("GetWriterMetadata", components.ReadWriterMetadata);
    }

    private FrameWriter Release()
    {
        RequesterSession session = Session;
        _session = null;
        session.Dispose();
        return session.HasLeft
            ? throw new VssFailureException(FailureKind.Hopeless, "the snapshot set could not be deleted")
            : new FrameWriter(MessageKind.Done);
    }

    private FrameWriter DeleteSet(FrameReader message)
    {
        Guid set = message.ReadGuid();
        message.End();
        using IBackupComponents components = create();
        components.InitializeForBackup();
        components.SetContext(ContextAll);
        RequesterSession.Delete(components, set);
        return new FrameWriter(MessageKind.Done);
    }

    /// <summary>Undoing steps are told too; a pipe that is broken meanwhile must not end them.</summary>
    private void Log(string line)
    {
        try
        {
            frames.Write(new FrameWriter(MessageKind.Log).Add(line));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _gone.Cancel();
        }
    }
}
