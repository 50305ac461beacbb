using System;
using System.Security.Cryptography;

namespace ImageBackup.Engine.Cryptography;

/// <summary>AES of whole 16-byte blocks under one key, in bulk: the raw permutation that counter mode is made of.</summary>
/// <remarks>Not thread-safe. The key is held by the platform's own implementation.</remarks>
internal sealed class AesBlocks : IDisposable
{
    private readonly Aes _aes;
    private readonly ICryptoTransform _encryptor;
    private byte[] _scratch = Array.Empty<byte>();

    public AesBlocks(byte[] key)
    {
        _aes = Aes.Create();
        _aes.Mode = CipherMode.ECB;
        _aes.Padding = PaddingMode.None;
        _aes.Key = key;
        _encryptor = _aes.CreateEncryptor();
    }

    /// <summary>Encrypts the blocks from <paramref name="source"/> into <paramref name="target"/>; both of the same length, arrays so that no copy is needed on either framework.</summary>
    public void Encrypt(byte[] source, byte[] target, int countBytes) =>
        _encryptor.TransformBlock(source, 0, countBytes, target, 0);

    public void EncryptBlock(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (_scratch.Length == 0)
            _scratch = new byte[32];
        source.CopyTo(_scratch);
        _encryptor.TransformBlock(_scratch, 0, 16, _scratch, 16);
        _scratch.AsSpan(16, 16).CopyTo(target);
    }

    public void Dispose()
    {
        Array.Clear(_scratch, 0, _scratch.Length);
        _encryptor.Dispose();
        _aes.Dispose();
    }
}
