using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>What differs between the frameworks' HTTP.</summary>
internal static class HttpClients
{
    /// <summary>Whether <see cref="HttpAccess.Connect"/> can be used.</summary>
    public static bool SpeaksOverPipes => true;

    /// <summary>
    /// HTTP/2 over pipes, else HTTP/1.1: several connections carry more than one that is shared, and a server that does not take our
    /// certificate says so only there.
    /// </summary>
    public static void SetVersion(HttpRequestMessage request, HttpAccess access)
    {
        if (access.Connect is null)
            return;
        request.Version = HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
    }

    /// <summary>A client that follows nothing and keeps no cookies.</summary>
    public static HttpClient Create(HttpAccess access, ServerTrust trust) => new(CreateHandler(access, trust))
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>What such a client stands on.</summary>
    public static HttpMessageHandler CreateHandler(HttpAccess access, ServerTrust trust)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxConnectionsPerServer = HttpAccess.MostConnections(access.Connections),
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(30),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(2),
            KeepAlivePingDelay = TimeSpan.FromSeconds(60),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(30),
            MaxResponseHeadersLength = 64,
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, chain, errors) => trust.Check(certificate as X509Certificate2, chain, errors),
            },
        };
        if (access.ClientCertificate is { } own)
            handler.SslOptions.ClientCertificates = [own];
        if (access.Connect is { } connect)
        {
            handler.ConnectCallback = (_, _) => ValueTask.FromResult(connect());
            handler.EnableMultipleHttp2Connections = false;
            handler.PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan;
        }
        return access.Limits is { } limits ? new LimitedHandler(handler, limits) : handler;
    }

    public static Task<Stream> ReadStream(HttpContent content, CancellationToken cancellation) => content.ReadAsStreamAsync(cancellation);

    /// <summary>The certificates of a PEM file.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">It holds something else.</exception>
    public static X509Certificate2Collection LoadCertificates(string path)
    {
        X509Certificate2Collection found = [];
        found.ImportFromPemFile(path);
        return found;
    }

    /// <summary>The certificate and key of a PEM file.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">It holds something else.</exception>
    public static X509Certificate2 LoadIdentity(string path)
    {
        using X509Certificate2 made = X509Certificate2.CreateFromPemFile(path);
        // Windows' TLS does not take a key that lies in memory only.
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
