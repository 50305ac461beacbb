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
    /// <summary>A client that follows nothing and keeps no cookies; HTTP/2 if the server offers it.</summary>
    public static HttpClient Create(HttpAccess access, ServerTrust trust) => new(CreateHandler(access, trust))
    {
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
    };

    /// <summary>What such a client stands on.</summary>
    public static HttpMessageHandler CreateHandler(HttpAccess access, ServerTrust trust)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxConnectionsPerServer = access.Connections + 2,
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
