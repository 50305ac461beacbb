using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.OpenSsl;
using Org.BouncyCastle.Pkcs;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>What differs between the frameworks' HTTP.</summary>
internal static class HttpClients
{
    /// <summary>Whether <see cref="HttpAccess.Connect"/> can be used: HTTP/2 is not in this framework.</summary>
    public static bool SpeaksOverPipes => false;

    /// <summary>HTTP/1.1 is all that there is.</summary>
    public static void SetVersion(HttpRequestMessage request, HttpAccess access)
    {
    }

    /// <summary>A client that follows nothing and keeps no cookies.</summary>
    public static HttpClient Create(HttpAccess access, ServerTrust trust)
    {
        var client = new HttpClient(CreateHandler(access, trust)) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.ExpectContinue = false;
        return client;
    }

    /// <summary>What such a client stands on.</summary>
    public static HttpMessageHandler CreateHandler(HttpAccess access, ServerTrust trust)
    {
        var handler = new HttpClientHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxConnectionsPerServer = HttpAccess.MostConnections(access.Connections),
            ServerCertificateCustomValidationCallback = (_, certificate, chain, errors) => trust.Check(certificate, chain, errors),
        };
        if (access.ClientCertificate is { } own)
            handler.ClientCertificates.Add(own);
        return access.Limits is { } limits ? new LimitedHandler(handler, limits) : handler;
    }

    public static Task<Stream> ReadStream(HttpContent content, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return content.ReadAsStreamAsync();
    }

    /// <summary>The certificates of a PEM file.</summary>
    /// <exception cref="CryptographicException">It holds something else.</exception>
    public static X509Certificate2Collection LoadCertificates(string path)
    {
        var found = new X509Certificate2Collection();
        foreach (Org.BouncyCastle.X509.X509Certificate each in Read(path).OfType<Org.BouncyCastle.X509.X509Certificate>())
            found.Add(new X509Certificate2(each.GetEncoded()));
        return found;
    }

    /// <summary>The certificate and key of a PEM file.</summary>
    /// <exception cref="CryptographicException">It holds something else.</exception>
    public static X509Certificate2 LoadIdentity(string path)
    {
        List<object> parts = Read(path);
        AsymmetricKeyParameter? key = parts.Select(part => part as AsymmetricKeyParameter ?? (part as AsymmetricCipherKeyPair)?.Private).FirstOrDefault(k => k is { IsPrivate: true });
        var chain = parts.OfType<Org.BouncyCastle.X509.X509Certificate>().Select(each => new X509CertificateEntry(each)).ToArray();
        if (key is null || chain.Length == 0)
            throw new CryptographicException("It does not hold a certificate and its key.");
        Pkcs12Store store = new Pkcs12StoreBuilder().Build();
        store.SetKeyEntry("own", new AsymmetricKeyEntry(key), [chain[0]]);
        using var pfx = new MemoryStream();
        store.Save(pfx, [], new Org.BouncyCastle.Security.SecureRandom());
        return new X509Certificate2(pfx.ToArray(), "");
    }

    private static List<object> Read(string path)
    {
        var parts = new List<object>();
        try
        {
            using var text = new StreamReader(path);
            using var reader = new PemReader(text);
            while (reader.ReadObject() is { } part)
                parts.Add(part);
        }
        catch (Exception e) when (e is not (IOException or UnauthorizedAccessException))
        {
            throw new CryptographicException(e.Message, e);
        }
        return parts;
    }
}
