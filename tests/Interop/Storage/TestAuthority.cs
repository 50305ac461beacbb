using System;
using System.IO;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>An authority of a test's own, and what it signs, as PEM files in a folder: ca.pem, NAME.crt, NAME.key, and both in NAME.pem.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly string _folder;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;

    public TestAuthority(string name, string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        var request = new CertificateRequest($"CN={name} test authority", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-3), DateTimeOffset.UtcNow.AddDays(3));
        File.WriteAllText(this["ca.pem"], _certificate.ExportCertificatePem());
    }

    public string this[string name] => Path.Combine(_folder, name);

    /// <summary>Signs a certificate for this machine's own address that is valid for so long from now.</summary>
    public void Issue(string name, TimeSpan life)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.Create(_certificate, DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow + life, RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(this[name + ".crt"], made.ExportCertificatePem());
        File.WriteAllText(this[name + ".key"], key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(this[name + ".pem"], key.ExportPkcs8PrivateKeyPem() + "\n" + made.ExportCertificatePem());
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }
}
