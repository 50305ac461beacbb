using System;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>Answers each request as it is told to.</summary>
internal sealed class CannedService : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public CannedService(Func<string, string> answer)
    {
        _listener.Start();
        _serving = Task.Run(() => Serve(answer));
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    private async Task Serve(Func<string, string> answer)
    {
        try
        {
            while (true)
            {
                using TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                byte[] request = new byte[64 << 10];
                int length = 0;
                while (!Encoding.ASCII.GetString(request, 0, length).Contains("\r\n\r\n", StringComparison.Ordinal))
                    length += await client.GetStream().ReadAsync(request.AsMemory(length), _stop.Token);
                string[] parts = answer(Encoding.ASCII.GetString(request, 0, length)).Split("\r\n\r\n", 2);
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"{parts[0]}\r\nContent-Length: {parts[1].Length}\r\nConnection: close\r\n\r\n{parts[1]}"), _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }
}
