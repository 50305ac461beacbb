using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Storage.Programs;

namespace ImageBackup.Engine.Storage.Sftp;

/// <summary>
/// One program (ssh) that speaks SFTP, version 3, over its pipes. Requests are sent without waiting for the answers to those before.
/// Once it is broken every call fails, and another connection is to be opened. Any thread.
/// </summary>
internal sealed class SftpConnection : IDisposable
{
    private const int ProtocolVersion = 3;
    private const int MaxPacketBytes = 1 << 20;

    /// <summary>Every server takes a write of so many bytes; OpenSSH's says how many more.</summary>
    private const int SafeWriteBytes = 32 << 10;

    /// <summary>Servers that do not say how much they give at once give so much, or a little less.</summary>
    private const int SafeReadBytes = 64 << 10;

    /// <summary>What OpenSSH's gives at once: fewer packets, each of which costs as much work as its bytes.</summary>
    private const int MostReadBytes = 255 << 10;

    /// <summary>Answers that are longer lie in arrays which are used again.</summary>
    private const int PooledBytes = 16 << 10;

    /// <summary>Servers that do not say how many files may be open let so many be.</summary>
    private const int SafeHandles = 64;

    /// <summary>More at once would only wait in a pipe.</summary>
    private const int MostWriteBytes = 128 << 10;

    /// <summary>As many folders as packs lie in.</summary>
    private const int MostHandles = 256;

    private readonly ServerProgram _program;
    private readonly string _shown;
    private readonly TimeSpan _idle;
    private readonly object _sending = new();
    private readonly Dictionary<uint, TaskCompletionSource<SftpReply>> _waiting = [];
    private readonly HashSet<string> _extensions = new(StringComparer.Ordinal);
    private readonly Timer _watch;
    private uint _lastId;
    private long _heardAt = Stopwatch.GetTimestamp();
    private volatile StorageException? _broken;

    private SftpConnection(ServerProgram program, string shown, TimeSpan idle)
    {
        _program = program;
        _shown = shown;
        _idle = idle;
        _watch = new Timer(_ => Watch(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public bool IsBroken => _broken is not null;

    /// <summary>So many bytes a write request holds.</summary>
    public int WriteBytes { get; private set; } = SafeWriteBytes;

    /// <summary>So many bytes a read request asks for.</summary>
    public int ReadBytes { get; private set; } = SafeReadBytes;

    /// <summary>So many files and folders may be open at once.</summary>
    public int OpenHandles { get; private set; } = SafeHandles;

    /// <summary>Whether the server offers what is not in the standard ("fsync@openssh.com").</summary>
    public bool Offers(string extension) => _extensions.Contains(extension);

    /// <summary>Starts the program and greets the server.</summary>
    /// <exception cref="StorageException">The program cannot be started, the server cannot be reached or refuses us.</exception>
    public static SftpConnection Open(ServerProgram program, string shown, TimeSpan idle, CancellationToken cancellation)
    {
        var connection = new SftpConnection(program, shown, idle);
        try
        {
            using (cancellation.Register(program.Dispose))
                connection.Greet();
            cancellation.ThrowIfCancellationRequested();
            connection._watch.Change(TimeSpan.FromTicks(idle.Ticks / 4), TimeSpan.FromTicks(idle.Ticks / 4));
            new Thread(connection.Receive) { IsBackground = true, Name = "ImageBackup SFTP answers" }.Start();
            if (connection.Offers("limits@openssh.com"))
                connection.AskLimits(cancellation);
            return connection;
        }
        catch
        {
            connection.Dispose();
            cancellation.ThrowIfCancellationRequested();
            throw;
        }
    }

    private void Greet()
    {
        try
        {
            using (new Timer(_ => _program.Dispose(), null, _idle, Timeout.InfiniteTimeSpan))
            {
                try
                {
                    _program.Input.Write([0, 0, 0, 5, SftpNumbers.Init, 0, 0, 0, ProtocolVersion], 0, 9);
                    _program.Input.Flush();
                }
                catch (IOException)
                {
                    // It has ended without reading: what it wrote says why.
                }
                SftpReply version = ReadPacket() ?? throw new EndOfStreamException("The connection ended before the server answered.");
                if (version.Type != SftpNumbers.Version || version.Number() < ProtocolVersion)
                    throw new InvalidDataException("The server does not speak SFTP, version 3.");
                while (version.LeftBytes > 0)
                {
                    _extensions.Add(version.Text());
                    _ = version.Bytes();
                }
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ObjectDisposedException or InvalidOperationException)
        {
            throw Ended(e, isEnding: true);
        }
    }

    private void AskLimits(CancellationToken cancellation)
    {
        try
        {
            SftpReply limits = Call(new SftpRequest(SftpNumbers.Extended).Text("limits@openssh.com"), cancellation);
            _ = limits.Long();
            if (limits.Long() is > SafeReadBytes and var mostRead)
                ReadBytes = (int)Math.Min(mostRead, MostReadBytes);
            if (limits.Long() is > SafeWriteBytes and var most)
                WriteBytes = (int)Math.Min(most, MostWriteBytes);
            // Half of them: other calls of the session need some.
            if (limits.Long() / 2 is > SafeHandles and var handles)
                OpenHandles = (int)Math.Min(handles, MostHandles);
        }
        catch (Exception e) when (e is SftpRefusal or InvalidDataException)
        {
            // It keeps to what every server can.
        }
    }

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <exception cref="SftpRefusal">The server refuses it.</exception>
    /// <exception cref="StorageException">The connection broke.</exception>
    public SftpReply Call(SftpRequest request, CancellationToken cancellation) => Wait(Send(request, cancellation), cancellation);

    /// <summary>Sends a request.</summary>
    /// <exception cref="StorageException">The connection broke.</exception>
    public Task<SftpReply> Send(SftpRequest request, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var answer = new TaskCompletionSource<SftpReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_sending)
        {
            uint id = ++_lastId;
            lock (_waiting)
            {
                if (_broken is { } broken)
                    throw Again(broken);
                if (_waiting.Count == 0)
                    Interlocked.Exchange(ref _heardAt, Stopwatch.GetTimestamp());
                _waiting.Add(id, answer);
            }
            byte[] packet = request.ToPacket(id);
            try
            {
                // A pipe that nobody empties holds a writer; only its end lets go.
                using (cancellation.Register(() => Break(null)))
                {
                    _program.Input.Write(packet, 0, packet.Length);
                    _program.Input.Flush();
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
            {
                Break(e, isEnding: true);
                cancellation.ThrowIfCancellationRequested();
                throw Again(_broken!);
            }
        }
        return answer.Task;
    }

    /// <summary>Waits for an answer; a refusal is thrown.</summary>
    public static SftpReply Wait(Task<SftpReply> answer, CancellationToken cancellation)
    {
        try
        {
            answer.Wait(cancellation);
        }
        catch (AggregateException e) when (e.InnerException is StorageException broken)
        {
            throw Again(broken);
        }
        SftpReply reply = answer.Result;
        if (reply.Type == SftpNumbers.Status && reply.Number() is var code && code != SftpNumbers.Ok)
            throw new SftpRefusal(code, reply.LeftBytes > 0 ? reply.Text() : "");
        return reply;
    }

    /// <summary>One exception for each who is told.</summary>
    private static StorageException Again(StorageException broken) => new(broken.Problem, broken.Path, broken.Message, broken) { IsPermanent = broken.IsPermanent };

    private void Receive()
    {
        try
        {
            while (ReadPacket() is { } reply)
            {
                Interlocked.Exchange(ref _heardAt, Stopwatch.GetTimestamp());
                uint id = reply.Number();
                TaskCompletionSource<SftpReply>? waiting;
                lock (_waiting)
                {
                    if (!_waiting.TryGetValue(id, out waiting))
                        throw new InvalidDataException("The server answers what nobody asked.");
                    _waiting.Remove(id);
                }
                waiting.TrySetResult(reply);
            }
            Break(null, isEnding: true);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ObjectDisposedException or InvalidOperationException)
        {
            Break(e, isEnding: e is EndOfStreamException);
        }
    }

    /// <summary>Null: the connection ended between two packets.</summary>
    private SftpReply? ReadPacket()
    {
        byte[] head = new byte[5];
        if (!Fill(head, head.Length, mayEnd: true))
            return null;
        uint lengthBytes = BinaryPrimitives.ReadUInt32BigEndian(head);
        if (lengthBytes is < 1 or > MaxPacketBytes)
            throw new InvalidDataException("What came is not a packet of SFTP: does the account's shell print something?");
        int contentBytes = (int)lengthBytes - 1;
        byte[] content = contentBytes > PooledBytes ? ArrayPool<byte>.Shared.Rent(contentBytes) : new byte[contentBytes];
        _ = Fill(content, contentBytes, mayEnd: false);
        return new SftpReply(head[4], content, contentBytes, isPooled: contentBytes > PooledBytes);
    }

    private bool Fill(byte[] buffer, int countBytes, bool mayEnd)
    {
        for (int done = 0, part; done < countBytes; done += part)
        {
            part = _program.Output.Read(buffer, done, countBytes - done);
            if (part > 0)
                continue;
            return mayEnd && done == 0 ? false : throw new EndOfStreamException("The connection ended within an answer.");
        }
        return true;
    }

    private void Watch()
    {
        lock (_waiting)
        {
            double silentSeconds = (double)(Stopwatch.GetTimestamp() - Interlocked.Read(ref _heardAt)) / Stopwatch.Frequency;
            if (_waiting.Count == 0 || silentSeconds < _idle.TotalSeconds)
                return;
        }
        Break(new IOException($"The server has been silent for {_idle.TotalSeconds:0.#} s."));
    }

    /// <param name="reason">Null: the connection just ended.</param>
    /// <param name="isEnding">It is the program that ended it.</param>
    private void Break(Exception? reason, bool isEnding = false)
    {
        if (IsBroken)
            isEnding = false;
        StorageException broken = Ended(reason, isEnding);
        List<TaskCompletionSource<SftpReply>> lost;
        lock (_waiting)
        {
            _broken ??= broken;
            lost = [.. _waiting.Values];
            _waiting.Clear();
        }
        _program.Dispose();
        foreach (TaskCompletionSource<SftpReply> waiting in lost)
        {
            waiting.TrySetException(_broken);
            // Nobody looks at the answer of a handle that is closed: the runtime is told that somebody has.
            _ = waiting.Task.Exception;
        }
    }

    private StorageException Ended(Exception? reason, bool isEnding) => SshWords.Failure(_program.Words(isEnding), reason, _shown);

    public void Dispose()
    {
        _watch.Dispose();
        Break(null);
    }
}
