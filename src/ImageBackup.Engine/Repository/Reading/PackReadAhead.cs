using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Threading;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Repository.Files;

namespace ImageBackup.Engine.Repository.Reading;

/// <summary>
/// Hands out a plan's requests with their bytes, any thread's. Of a server several are read at once, before anybody asks for them: each is a
/// round trip. Of a disk who asks reads. No more threads take than there are cores. Disposing ends the reading.
/// </summary>
internal sealed class PackReadAhead : IDisposable
{
    /// <summary>The most memory of what is read or waits.</summary>
    private const long MemoryBytes = 64L << 20;

    private readonly RepositoryFiles _files;
    private readonly IEnumerator<PackRequest> _requests;
    private readonly BlockingCollection<Part> _parts;
    private readonly CancellationTokenSource _stop;
    private readonly Thread[] _threads;
    private readonly object _gate = new();
    private ExceptionDispatchInfo? _failure;
    private int _readingCount;

    /// <summary>A request that has been read. Give its buffer back (<see cref="Return"/>).</summary>
    /// <param name="Request">What was asked for.</param>
    /// <param name="Buffer">Its bytes; may be longer.</param>
    /// <param name="Damage">Why it could not be read: its pack is missing or too short.</param>
    public readonly record struct Part(PackRequest Request, byte[] Buffer, ImageBackupException? Damage);

    /// <param name="files">Where the packs lie.</param>
    /// <param name="plan">What is wanted; complete.</param>
    /// <param name="cancellation">Ends it.</param>
    public PackReadAhead(RepositoryFiles files, PackReadPlan plan, CancellationToken cancellation)
    {
        _files = files;
        int threadCount = ThreadCount(files);
        _requests = plan.Requests(ShapeOf(files)).GetEnumerator();
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _parts = new BlockingCollection<Part>(Math.Max(1, threadCount));
        _readingCount = threadCount;
        _threads = Enumerable.Range(0, threadCount).Select(i => new Thread(ReadAhead) { IsBackground = true, Name = $"ImageBackup pack reader {i}" }).ToArray();
        foreach (Thread thread in _threads)
            thread.Start();
    }

    /// <summary>How a plan is read.</summary>
    public static ReadShape ShapeOf(RepositoryFiles files) =>
        files.ReadShape with { RequestBytes = (int)Math.Min(files.ReadShape.RequestBytes, MemoryBytes / (2 * ThreadCount(files) + Environment.ProcessorCount)) };

    private static int ThreadCount(RepositoryFiles files) => files.Traits.IsRemote ? files.ReadShape.QueueDepth : 0;

    /// <summary>Ends it: who takes is told that it was cancelled.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>The next request, as it was read; false at the end.</summary>
    /// <exception cref="ImageBackupException">A storage failure.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public bool TryTake(out Part part)
    {
        part = default;
        if (_threads.Length == 0)
        {
            _stop.Token.ThrowIfCancellationRequested();
            if (Next() is not { } request)
                return false;
            part = Read(request);
            return true;
        }
        try
        {
            if (_parts.TryTake(out part, Timeout.Infinite, _stop.Token))
                return true;
        }
        catch (OperationCanceledException)
        {
            _failure?.Throw();
            throw;
        }
        _failure?.Throw();
        return false;
    }

    /// <summary>Takes a buffer back.</summary>
    public static void Return(in Part part) => ArrayPool<byte>.Shared.Return(part.Buffer);

    private PackRequest? Next()
    {
        lock (_gate)
            return _requests.MoveNext() ? _requests.Current : null;
    }

    private Part Read(PackRequest request)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(request.LengthBytes);
        try
        {
            PackReader.Fill(_files, request, buffer);
            return new Part(request, buffer, null);
        }
        catch (ImageBackupException e) when (e.Id == ErrorId.PackCorrupt)
        {
            return new Part(request, buffer, e);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    private void ReadAhead()
    {
        try
        {
            WorkPace.JoinThread();
            while (!_stop.IsCancellationRequested && Next() is { } request)
                _parts.Add(Read(request), _stop.Token);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            _stop.Cancel();
        }
        if (Interlocked.Decrement(ref _readingCount) == 0)
            _parts.CompleteAdding();
    }

    public void Dispose()
    {
        _stop.Cancel();
        foreach (Thread thread in _threads)
            thread.Join();
        _requests.Dispose();
        _parts.Dispose();
        _stop.Dispose();
    }
}
