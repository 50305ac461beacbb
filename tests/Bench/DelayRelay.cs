using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace ImageBackup.Bench;

/// <summary>A network between a client and a server of this machine: bytes arrive later, and no faster than its rate in each direction.</summary>
/// <param name="serverPort">The server's.</param>
/// <param name="roundTrip">There and back; a new connection takes one more.</param>
/// <param name="bytesPerSecond">In each direction, over all connections.</param>
internal sealed class DelayRelay(int serverPort, TimeSpan roundTrip, long bytesPerSecond) : IDisposable
{
    private const int PieceBytes = 64 << 10;

    /// <summary>As much as is on the way at 1 Gbit/s and 100 ms; who sends more waits.</summary>
    private const int MostPieces = 200;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Wire _up = new(bytesPerSecond), _down = new(bytesPerSecond);
    private readonly List<Request> _requests = [];
    private long _began = Stopwatch.GetTimestamp();

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public DelayRelay Start()
    {
        _listener.Start();
        _ = Task.Run(Accept);
        return this;
    }

    /// <summary>A request of HTTP/1.1 as it passed; times are the client's.</summary>
    public sealed class Request
    {
        public required string Line { get; init; }

        public required TimeSpan Begin { get; init; }

        public TimeSpan End { get; set; }

        public long SentBytes { get; set; }

        public long ReceivedBytes { get; set; }

        public override string ToString() => FormattableString.Invariant(
            $"{Begin.TotalMilliseconds,6:F0} {End.TotalMilliseconds,6:F0} ms {SentBytes / 1e6,7:F2} {ReceivedBytes / 1e6,7:F2} MB  {Line}");
    }

    /// <summary>Hands over the requests since the last call, in their order, and begins anew.</summary>
    public IReadOnlyList<Request> Take()
    {
        lock (_requests)
        {
            Request[] taken = [.. _requests];
            _requests.Clear();
            _began = Stopwatch.GetTimestamp();
            return taken;
        }
    }

    /// <summary>The request that a connection is busy with.</summary>
    private sealed class Connection
    {
        public Request? Current { get; set; }
    }

    private void Note(Connection connection, byte[] bytes, int countBytes, bool isUp)
    {
        lock (_requests)
        {
            TimeSpan now = Stopwatch.GetElapsedTime(_began);
            if (isUp && IsRequest(bytes.AsSpan(0, countBytes)))
            {
                string text = Encoding.ASCII.GetString(bytes, 0, Math.Min(countBytes, 300));
                _requests.Add(connection.Current = new Request { Line = text[..Math.Max(0, text.IndexOf(" HTTP/", StringComparison.Ordinal))], Begin = now });
            }
            if (connection.Current is not { } request)
                return;
            if (isUp)
                request.SentBytes += countBytes;
            else
                request.ReceivedBytes += countBytes;
            request.End = isUp ? now : now + roundTrip / 2;
        }
    }

    private static bool IsRequest(ReadOnlySpan<byte> bytes) =>
        (bytes.StartsWith("GET /"u8) || bytes.StartsWith("HEAD /"u8) || bytes.StartsWith("POST /"u8) || bytes.StartsWith("PUT /"u8) || bytes.StartsWith("DELETE /"u8))
        && bytes.IndexOf(" HTTP/1.1\r\n"u8) >= 0;

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = Task.Run(() => Serve(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient { NoDelay = true })
        {
            try
            {
                client.NoDelay = true;
                await Task.Delay(roundTrip, _stop.Token);
                await server.ConnectAsync(IPAddress.Loopback, serverPort, _stop.Token);
                var connection = new Connection();
                await Task.WhenAll(Carry(client, server, _up, (bytes, count) => Note(connection, bytes, count, isUp: true)),
                    Carry(server, client, _down, (bytes, count) => Note(connection, bytes, count, isUp: false)));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task Carry(TcpClient from, TcpClient to, Wire wire, Action<byte[], int> note)
    {
        var onTheWay = Channel.CreateBounded<(byte[] Bytes, long Due)>(MostPieces);
        Task arriving = Task.Run(async () =>
        {
            await foreach ((byte[] bytes, long due) in onTheWay.Reader.ReadAllAsync(_stop.Token))
            {
                await Until(due);
                await to.GetStream().WriteAsync(bytes, _stop.Token);
            }
            to.Client.Shutdown(SocketShutdown.Send);
        });
        byte[] buffer = new byte[PieceBytes];
        try
        {
            int read;
            while ((read = await from.GetStream().ReadAsync(buffer, _stop.Token)) > 0)
            {
                note(buffer, read);
                await onTheWay.Writer.WriteAsync((buffer.AsSpan(0, read).ToArray(), wire.Take(read) + (long)(roundTrip.TotalSeconds / 2 * Stopwatch.Frequency)), _stop.Token);
            }
        }
        finally
        {
            onTheWay.Writer.Complete();
        }
        await arriving;
    }

    private async Task Until(long due)
    {
        double seconds = (due - Stopwatch.GetTimestamp()) / (double)Stopwatch.Frequency;
        if (seconds > 0)
            await Task.Delay(TimeSpan.FromSeconds(seconds), _stop.Token);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
    }

    /// <summary>One direction's rate.</summary>
    private sealed class Wire(long bytesPerSecond)
    {
        private readonly object _gate = new();
        private long _free;

        /// <summary>When the last of so many bytes has left.</summary>
        public long Take(int countBytes)
        {
            lock (_gate)
            {
                _free = Math.Max(_free, Stopwatch.GetTimestamp()) + (long)(countBytes * (double)Stopwatch.Frequency / bytesPerSecond);
                return _free;
            }
        }
    }
}
