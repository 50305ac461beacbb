using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace ImageBackup.Tests.Kits.Storage.Servers;

/// <summary>What happens to one request on its way.</summary>
internal enum ProxyFault
{
    None,

    /// <summary>The connection ends before the server sees the request.</summary>
    Refuse,

    /// <summary>The server gets half of the request's body; then both connections end.</summary>
    CutRequest,

    /// <summary>The client gets half of the answer; then its connection ends.</summary>
    CutAnswer,

    /// <summary>The server does what it is asked for, and the client is not told.</summary>
    LoseAnswer,

    /// <summary>The client never hears anything.</summary>
    Hang,

    InternalError,
    Busy,
    TooMany,
    Full,
    Forbidden,
}

/// <summary>A request that the proxy saw.</summary>
internal readonly record struct ProxyRequest(string Method, string Path, int Number);

/// <summary>
/// Stands between an HTTP/1.1 client and a server on this machine, and does to each request what a script says. One request a
/// connection, so that an end of it harms no other.
/// </summary>
internal sealed class FaultyProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<ProxyRequest> _requests = new();
    private readonly int _port;
    private readonly Task _accepting;
    private int _number;

    /// <param name="port">The server's.</param>
    public FaultyProxy(int port)
    {
        _port = port;
        _listener.Start();
        _accepting = Task.Run(Accept);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Says of each request what happens to it.</summary>
    public Func<ProxyRequest, ProxyFault> Script { get; set; } = _ => ProxyFault.None;

    /// <summary>A script that harms every third request, in each of these ways in turn.</summary>
    public static Func<ProxyRequest, ProxyFault> EveryThird(params ProxyFault[] faults) =>
        request => request.Number % 3 == 0 ? faults[request.Number / 3 % faults.Length] : ProxyFault.None;

    /// <summary>Each request takes at least so long.</summary>
    public TimeSpan Delay { get; set; }

    public IReadOnlyCollection<ProxyRequest> Requests => _requests;

    public void Forget() => _requests.Clear();

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = Task.Run(() => Serve(client), CancellationToken.None);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        {
            try
            {
                client.NoDelay = true;
                NetworkStream from = client.GetStream();
                if (await Head(from) is not { } head)
                    return;
                string[] words = head.Split(' ', 3);
                var request = new ProxyRequest(words[0], words[1], Interlocked.Increment(ref _number));
                _requests.Enqueue(request);
                if (Delay > TimeSpan.Zero)
                    await Task.Delay(Delay, _stop.Token);
                await Forward(from, head, Script(request));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task Forward(NetworkStream client, string head, ProxyFault fault)
    {
        long bodyBytes = LengthOf(head);
        string? refusal = fault switch
        {
            ProxyFault.InternalError => "500 Internal Server Error",
            ProxyFault.Busy => "503 Service Unavailable",
            ProxyFault.TooMany => "429 Too Many Requests\r\nRetry-After: 1",
            ProxyFault.Full => "507 Insufficient Storage",
            ProxyFault.Forbidden => "403 Forbidden",
            _ => null,
        };
        if (fault == ProxyFault.Refuse)
            return;
        if (fault == ProxyFault.Hang)
            await Task.Delay(Timeout.Infinite, _stop.Token);
        if (refusal is not null)
        {
            await Copy(client, null, bodyBytes);
            await client.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), _stop.Token);
            return;
        }
        using var server = new TcpClient { NoDelay = true };
        await server.ConnectAsync(IPAddress.Loopback, _port, _stop.Token);
        NetworkStream to = server.GetStream();
        string sent = head[..^2] + "Connection: close\r\n\r\n";
        await to.WriteAsync(Encoding.Latin1.GetBytes(sent), _stop.Token);
        if (fault == ProxyFault.CutRequest && bodyBytes > 0)
        {
            await Copy(client, to, bodyBytes / 2);
            return;
        }
        await Copy(client, to, bodyBytes);
        if (await Head(to) is not { } answer)
            return;
        if (fault == ProxyFault.LoseAnswer)
            return;
        long answerBytes = head.StartsWith("HEAD ", StringComparison.Ordinal) ? 0 : LengthOf(answer, isKnown: false);
        await client.WriteAsync(Encoding.Latin1.GetBytes(answer[..^2] + "Connection: close\r\n\r\n"), _stop.Token);
        await Copy(to, client, fault == ProxyFault.CutAnswer ? answerBytes / 2 : answerBytes);
    }

    /// <summary>A message's head with the empty line; null if the connection ended before.</summary>
    private async Task<string?> Head(NetworkStream stream)
    {
        var head = new List<byte>();
        byte[] one = new byte[1];
        while (head.Count < 64 << 10)
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0)
                return null;
            head.Add(one[0]);
            if (head.Count >= 4 && head[^1] == '\n' && head[^2] == '\r' && head[^3] == '\n')
                return Encoding.Latin1.GetString([.. head]);
        }
        return null;
    }

    private static long LengthOf(string head, bool isKnown = true)
    {
        foreach (string line in head.Split("\r\n"))
        {
            if (line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
                return long.Parse(line.AsSpan(15).Trim(), System.Globalization.CultureInfo.InvariantCulture);
        }
        return isKnown ? 0 : long.MaxValue;
    }

    private async Task Copy(NetworkStream from, NetworkStream? to, long countBytes)
    {
        byte[] buffer = new byte[64 << 10];
        while (countBytes > 0)
        {
            int part = await from.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, countBytes)), _stop.Token);
            if (part == 0)
                return;
            if (to is not null)
                await to.WriteAsync(buffer.AsMemory(0, part), _stop.Token);
            countBytes -= part;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }
}
