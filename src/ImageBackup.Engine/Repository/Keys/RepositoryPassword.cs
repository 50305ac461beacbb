using System;
using System.Runtime.InteropServices;
using System.Security;
using System.Text;

namespace ImageBackup.Engine.Repository.Keys;

/// <summary>
/// A password as UTF-8 bytes, zeroed when disposed. The only form in which the engine takes one, so that it
/// never turns up in a string, a log or an error.
/// </summary>
internal sealed class RepositoryPassword : IDisposable
{
    private byte[]? _utf8;

    private RepositoryPassword(byte[] utf8) => _utf8 = utf8;

    internal byte[] Utf8 => _utf8 ?? throw new ObjectDisposedException(nameof(RepositoryPassword));

    public bool IsEmpty => Utf8.Length == 0;

    public static RepositoryPassword From(SecureString secret)
    {
        if (secret is null)
            throw new ArgumentNullException(nameof(secret));
        IntPtr unmanaged = Marshal.SecureStringToGlobalAllocUnicode(secret);
        var chars = new char[secret.Length];
        try
        {
            Marshal.Copy(unmanaged, chars, 0, chars.Length);
            return new RepositoryPassword(Encoding.UTF8.GetBytes(chars));
        }
        finally
        {
            Array.Clear(chars, 0, chars.Length);
            Marshal.ZeroFreeGlobalAllocUnicode(unmanaged);
        }
    }

    /// <summary>Takes ownership of the bytes: they are zeroed on disposal.</summary>
    public static RepositoryPassword FromUtf8(byte[] utf8) => new(utf8 ?? throw new ArgumentNullException(nameof(utf8)));

    public RepositoryPassword Copy() => new((byte[])Utf8.Clone());

    public void Dispose()
    {
        if (_utf8 is { } bytes)
            Array.Clear(bytes, 0, bytes.Length);
        _utf8 = null;
    }
}
