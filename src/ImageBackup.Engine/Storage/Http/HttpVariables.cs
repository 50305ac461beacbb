using System;
using System.IO;
using System.Security.Cryptography;

namespace ImageBackup.Engine.Storage.Http;

/// <summary>What restic's variables say of every server: whom we trust, and who we are.</summary>
internal static class HttpVariables
{
    private const string AuthoritiesVariable = "RESTIC_CACERT";
    private const string IdentityVariable = "RESTIC_TLS_CLIENT_CERT";

    /// <exception cref="FormatException">A file of certificates cannot be used.</exception>
    public static HttpAccess Access()
    {
        string? authorities = Value(AuthoritiesVariable);
        string? identity = Value(IdentityVariable);
        return new HttpAccess
        {
            Authorities = authorities is null ? [] : Read(AuthoritiesVariable, authorities, HttpClients.LoadCertificates),
            ClientCertificate = identity is null ? null : Read(IdentityVariable, identity, HttpClients.LoadIdentity),
        };
    }

    /// <summary>A variable's value; null if it is not set or empty.</summary>
    public static string? Value(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static T Read<T>(string variable, string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new FormatException($"The file of {variable}, '{path}', cannot be used: {e.Message}", e);
        }
    }
}
