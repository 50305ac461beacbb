using System;
using System.Linq;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>Whether a server's certificate is trusted, and if not, why: an exception of TLS does not say it. Any thread.</summary>
internal sealed class ServerTrust(X509Certificate2Collection authorities)
{
    private volatile string? _reason;

    /// <summary>Why the last certificate was not trusted; null: it was.</summary>
    public string? Reason => _reason;

    public bool Check(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        _reason = WhyNotTrusted(certificate, chain, errors);
        return _reason is null;
    }

    private string? WhyNotTrusted(X509Certificate2? certificate, X509Chain? given, SslPolicyErrors errors)
    {
        if (certificate is null || (errors & SslPolicyErrors.RemoteCertificateNotAvailable) != 0)
            return "the server showed no certificate";
        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return $"the certificate is for another name ({certificate.Subject})";
        if (authorities.Count == 0)
            return (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0 ? null : Text(certificate, given);
        // Only the authorities that were named count, not the system's.
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        chain.ChainPolicy.ExtraStore.AddRange(authorities);
        foreach (X509ChainElement element in given?.ChainElements.Cast<X509ChainElement>() ?? [])
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        if (!chain.Build(certificate))
            return Text(certificate, chain);
        return chain.ChainElements.Cast<X509ChainElement>().Any(element => authorities.Cast<X509Certificate2>().Any(own => own.RawData.AsSpan().SequenceEqual(element.Certificate.RawData)))
            ? null
            : $"no authority that was named has signed it ({certificate.Issuer} did)";
    }

    private static string Text(X509Certificate2 certificate, X509Chain? chain)
    {
        if (DateTime.Now > certificate.NotAfter)
            return $"the certificate expired at {DisplayText.Minute(certificate.NotAfter.ToUniversalTime())} UTC";
        if (DateTime.Now < certificate.NotBefore)
            return $"the certificate is not valid before {DisplayText.Minute(certificate.NotBefore.ToUniversalTime())} UTC: is this machine's clock right?";
        string status = string.Join(", ", chain?.ChainStatus.Select(s => s.StatusInformation.Trim().TrimEnd('.')) ?? []);
        return $"its authority is not trusted here ({certificate.Issuer}{(status.Length > 0 ? ": " + status : "")})";
    }
}
