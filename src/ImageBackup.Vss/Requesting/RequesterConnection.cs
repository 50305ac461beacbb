using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requesting;

/// <summary>
/// Our end of the pipe to a requester. One question at a time; any thread. If an answer does not come, or is none, the requester is
/// ended, and with it goes the set that it holds.
/// </summary>
internal sealed class RequesterConnection : IDisposable
{
    /// <summary>What a question takes beyond the step's own limit, which the requester keeps itself.</summary>
    private static readonly TimeSpan s_slack = TimeSpan.FromSeconds(15);

    /// <summary>How long a requester whose pipe is closed may undo before it is ended.</summary>
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(30);

    private readonly object _gate = new();
    private readonly FramePipe _frames;
    private readonly Process? _process;
    private readonly Stream _output;
    private readonly BlockingCollection<FrameReader> _answers = new(64);
    private Exception? _fault;
    private string? _said;
    private bool _isDisposed;

    private RequesterConnection(Stream answers, Stream questions, Process? process)
    {
        _frames = new FramePipe(answers, questions);
        _output = questions;
        _process = process;
    }

    /// <summary>It is of no more use.</summary>
    public bool IsBroken => _isDisposed || Volatile.Read(ref _fault) is not null;

    /// <summary>Starts a requester and greets it.</summary>
    /// <exception cref="VssSupportException">It cannot be had.</exception>
    public static RequesterConnection Start(TimeSpan timeout)
    {
        Process process = RequesterLauncher.Start();
        var connection = new RequesterConnection(process.StandardOutput.BaseStream, process.StandardInput.BaseStream, process);
        process.ErrorDataReceived += (_, line) => connection.Hear(line.Data);
        process.BeginErrorReadLine();
        return Greet(connection, timeout);
    }

    /// <summary>Over streams of the caller's, to a requester that runs in this process.</summary>
    internal static RequesterConnection Over(Stream answers, Stream questions, TimeSpan timeout) => Greet(new RequesterConnection(answers, questions, process: null), timeout);

    /// <summary>Asks, and waits for the answer of one kind.</summary>
    /// <param name="question">The message.</param>
    /// <param name="expected">The answer's kind.</param>
    /// <param name="timeout">The longest silence: a line for the log begins it anew.</param>
    /// <param name="log">Lines that come meanwhile.</param>
    /// <param name="started">Given the id of a set that was begun; null: none is expected.</param>
    /// <param name="cancellation">Cancelled: the requester is told, and what it had begun is undone.</param>
    /// <exception cref="VssSupportException">It failed, or the requester did.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public FrameReader Ask(FrameWriter question, MessageKind expected, TimeSpan timeout, Action<string> log, Action<Guid>? started = null, CancellationToken cancellation = default)
    {
        lock (_gate)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                _frames.Write(question);
                return Await(expected, timeout, log, started, cancellation);
            }
            catch (Exception e) when (e is IOException or ProtocolException or ObjectDisposedException or TimeoutException)
            {
                Volatile.Write(ref _fault, e);
                Dispose();
                cancellation.ThrowIfCancellationRequested();
                throw new VssSupportException(VssSupport.Hopeless, "the VSS requester failed: " + e.Message.TrimEnd('.'), e);
            }
        }
    }

    /// <summary>Closes the pipe, which tells the requester to give back what it holds, and waits for its end. Never throws.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            try
            {
                _output.Dispose();
            }
            catch (IOException)
            {
                // It is gone already.
            }
            if (_process is null)
                return;
            try
            {
                if (!_process.WaitForExit((int)s_endLimit.TotalMilliseconds))
                    ChildProcess.Kill(_process);
            }
            catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                // It has ended meanwhile.
            }
            _process.Dispose();
        }
    }

    private static RequesterConnection Greet(RequesterConnection connection, TimeSpan timeout)
    {
        new Thread(connection.ReadAll) { IsBackground = true, Name = "VSS requester's answers" }.Start();
        try
        {
            connection._frames.SayHello();
            // The reader has checked the other end's first frame when the first answer is there.
            _ = connection.Ask(new FrameWriter(MessageKind.Probe), MessageKind.Done, timeout, _ => { });
            return connection;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            connection.Dispose();
            throw new VssSupportException(VssSupport.Hopeless, "the VSS requester does not start: " + e.Message.TrimEnd('.'), e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private string EndWords => Volatile.Read(ref _said) is { } said ? "its process has ended: " + said : "its process has ended";

    /// <summary>The first line that it writes to its error stream is why it ends; a runtime that cannot start writes there too.</summary>
    private void Hear(string? line)
    {
        if (!string.IsNullOrWhiteSpace(line))
            Interlocked.CompareExchange(ref _said, line!.Trim(), null);
    }

    private void ReadAll()
    {
        try
        {
            _frames.ExpectHello();
            while (_frames.Read() is { } message)
                _answers.Add(message);
        }
        catch (Exception e) when (e is IOException or ProtocolException or ObjectDisposedException or InvalidOperationException)
        {
            Volatile.Write(ref _fault, e);
        }
        _answers.CompleteAdding();
    }

    private FrameReader Await(MessageKind expected, TimeSpan timeout, Action<string> log, Action<Guid>? started, CancellationToken cancellation)
    {
        while (true)
        {
            FrameReader answer = Next(timeout + s_slack, ref cancellation);
            switch (answer.Kind)
            {
                case MessageKind.Log:
                    log("VSS: " + answer.ReadText());
                    break;
                case MessageKind.SetStarted when started is not null:
                    started(answer.ReadGuid());
                    _frames.Write(new FrameWriter(MessageKind.SetNoted));
                    break;
                case MessageKind.Failed:
                    var kind = (FailureKind)answer.ReadInt32();
                    _ = answer.ReadInt32();
                    string why = answer.ReadText();
                    answer.End();
                    if (kind == FailureKind.Cancelled)
                        throw new OperationCanceledException(why);
                    throw new VssSupportException(kind switch
                    {
                        FailureKind.AnotherTime => VssSupport.AnotherTime,
                        FailureKind.Busy => VssSupport.Busy,
                        _ => VssSupport.Hopeless,
                    }, why);
                default:
                    return answer.Kind == expected ? answer : throw new ProtocolException($"a message {(byte)answer.Kind} instead of {(byte)expected}");
            }
        }
    }

    /// <summary>The next message. A cancellation is passed on once; the answer to it is waited for.</summary>
    private FrameReader Next(TimeSpan limit, ref CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                if (_answers.TryTake(out FrameReader? answer, (int)Math.Min(limit.TotalMilliseconds, int.MaxValue), cancellation))
                    return answer;
                throw _answers.IsCompleted
                    ? Volatile.Read(ref _fault) as IOException ?? new EndOfStreamException(Volatile.Read(ref _fault)?.Message ?? EndWords)
                    : new TimeoutException($"it did not answer within {limit.TotalSeconds:0} s");
            }
            catch (OperationCanceledException)
            {
                cancellation = CancellationToken.None;
                _frames.Write(new FrameWriter(MessageKind.Cancel));
            }
        }
    }
}
