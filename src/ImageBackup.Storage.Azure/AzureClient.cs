using System;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Azure;
using ImageBackup.Engine.Storage.Http;

namespace ImageBackup.Storage.Azure;

/// <summary>The SDK's client of one container, and its failures in the words of <see cref="StorageException"/>. Any thread.</summary>
internal sealed class AzureClient : IDisposable
{
    private readonly AzureAddress _address;
    private readonly AzureLogin _login;
    private readonly string _shown;
    private readonly ServerTrust _trust;
    private readonly HttpClient _http;
    private readonly BlobContainerClient _container;

    /// <exception cref="FormatException">A variable of the login, or the service's URL, cannot be used.</exception>
    public AzureClient(AzureAddress address, string shown)
    {
        _address = address;
        _shown = shown;
        _login = AzureLogin.FromVariables(address.Account);
        _trust = new ServerTrust(address.Access.Authorities);
        _http = HttpClients.Create(address.Access, _trust);
        var options = new BlobClientOptions { Transport = new HttpClientTransport(_http) };
        // RetryingStorage tries again, with our times and our say on what will not pass; IdleTimer gives up a silent request.
        options.Retry.MaxRetries = 0;
        options.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        var url = new Uri(address.Service!, address.Container);
        // The SDK tells a path-style URL by its host: an address, or a port that an emulator has.
        if (new BlobUriBuilder(url).BlobContainerName != address.Container)
            throw new FormatException("azure.endpoint may have a path only behind an IP address.");
        _container = _login.Open(url, options);
    }

    /// <summary>Makes a call.</summary>
    /// <param name="request">What it is about.</param>
    /// <param name="call">The call; its timer counts progress, and its token goes into the request.</param>
    public T Run<T>(AzureCall request, Func<BlobContainerClient, IdleTimer, Task<T>> call)
    {
        request.Cancellation.ThrowIfCancellationRequested();
        using (PendingCalls.Enter(_shown))
        {
            using var timer = new IdleTimer(_address.Access.Idle, request.Cancellation);
            try
            {
                return call(_container, timer).GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is not (StorageException or ArgumentException))
            {
                request.Cancellation.ThrowIfCancellationRequested();
                throw AzureFailure.Of(e, request, timer, _trust, _login);
            }
        }
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>What a call is about.</summary>
/// <param name="Shown">The file's name for people.</param>
/// <param name="IsWrite">What a failure is called.</param>
/// <param name="Cancellation">Ends it at once, wherever it waits.</param>
internal readonly record struct AzureCall(string Shown, bool IsWrite, CancellationToken Cancellation);
