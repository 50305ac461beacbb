using System;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using Amazon.Runtime;
using Amazon.S3;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Http;
using ImageBackup.Engine.Storage.S3;

namespace ImageBackup.Storage.S3;

/// <summary>The SDK's client, set up as any S3 service understands it, and its failures in the words of <see cref="StorageException"/>. Any thread.</summary>
internal sealed class S3Client : IDisposable
{
    private const string DefaultRegion = "us-east-1";
    private const string AmazonHost = "s3.amazonaws.com";

    private readonly S3Address _address;
    private readonly string _shown;
    private readonly ServerTrust _trust;
    private readonly HttpClient _http;
    private readonly object _gate = new();
    private volatile AmazonS3Client _client;
    private volatile string _region;

    public S3Client(S3Address address, string shown)
    {
        _address = address;
        _shown = shown;
        _trust = new ServerTrust(address.Access.Authorities);
        _http = new HttpClient(new DirectHandler(HttpClients.CreateHandler(address.Access, _trust))) { Timeout = Timeout.InfiniteTimeSpan };
        _region = address.Region ?? DefaultRegion;
        _client = Create(_region);
    }

    public string Region => _region;

    private AmazonS3Client Create(string region)
    {
        var config = new AmazonS3Config
        {
            ServiceURL = ServiceFor(region).AbsoluteUri,
            AuthenticationRegion = region,
            ForcePathStyle = _address.IsPathStyle,
            IgnoreConfiguredEndpointUrls = true,
            HttpClientFactory = new OneClient(_http),
            // RetryingStorage tries again, with our times and our say on what will not pass.
            MaxErrorRetry = 0,
            ThrottleRetries = false,
            DisableClockSkewCorrection = true,
            AllowAutoRedirect = false,
            DisableLogging = true,
            // Trailers and checksums beyond the signed hash are unknown to many services.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        return Credentials() is { } given ? new AmazonS3Client(given, config) : new AmazonS3Client(config);
    }

    /// <summary>The variables as they are now: the SDK keeps what it once found. Null: it looks for profiles and roles.</summary>
    private AWSCredentials? Credentials()
    {
        if (_address.IsAnonymous)
            return new AnonymousAWSCredentials();
        if (HttpVariables.Value("AWS_ACCESS_KEY_ID") is not { } id || HttpVariables.Value("AWS_SECRET_ACCESS_KEY") is not { } secret)
            return null;
        return HttpVariables.Value("AWS_SESSION_TOKEN") is { } token ? new SessionAWSCredentials(id, secret, token) : new BasicAWSCredentials(id, secret);
    }

    /// <summary>Amazon's one name for all regions serves buckets of its first region only without a detour.</summary>
    private Uri ServiceFor(string region) => _address.Service.Host == AmazonHost && region != DefaultRegion
        ? new UriBuilder(_address.Service) { Host = $"s3.{region}.amazonaws.com" }.Uri
        : _address.Service;

    /// <summary>Makes a call. If no region was named and the service tells the bucket's, it is made again for that one.</summary>
    /// <param name="request">What it is about.</param>
    /// <param name="call">The call; its timer counts progress, and its token goes into the request.</param>
    public T Run<T>(S3Call request, Func<AmazonS3Client, IdleTimer, Task<T>> call)
    {
        request.Cancellation.ThrowIfCancellationRequested();
        using (PendingCalls.Enter(_shown))
        {
            AmazonS3Client client = _client;
            try
            {
                return RunOnce(client, request, call);
            }
            catch (StorageException e) when (e.Problem == StorageProblem.WrongRegion && _address.Region is null && e.InnerException is { } told && S3Failure.RegionOf(told) is { } region && region != _region)
            {
                lock (_gate)
                {
                    if (ReferenceEquals(client, _client))
                    {
                        _region = region;
                        _client = Create(region);
                    }
                }
                return RunOnce(_client, request, call);
            }
        }
    }

    private T RunOnce<T>(AmazonS3Client client, S3Call request, Func<AmazonS3Client, IdleTimer, Task<T>> call)
    {
        using var timer = new IdleTimer(_address.Access.Idle, request.Cancellation);
        try
        {
            return call(client, timer).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is not (StorageException or ArgumentException))
        {
            request.Cancellation.ThrowIfCancellationRequested();
            throw S3Failure.Of(e, request, timer, _trust, _region);
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _http.Dispose();
    }

    /// <summary>Sends a body with its head: to ask first costs a round trip a file.</summary>
    private sealed class DirectHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.ExpectContinue = false;
            return base.SendAsync(request, cancellationToken);
        }
    }

    /// <summary>The SDK asks for a client at each request and is given the one.</summary>
    private sealed class OneClient(HttpClient client) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => client;

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;

        public override string? GetConfigUniqueString(IClientConfig clientConfig) => null;
    }
}

/// <summary>What a call is about.</summary>
/// <param name="Shown">The file's name for people.</param>
/// <param name="IsWrite">What a failure is called.</param>
/// <param name="Cancellation">Ends it at once, wherever it waits.</param>
internal readonly record struct S3Call(string Shown, bool IsWrite, CancellationToken Cancellation);
