using System;

namespace ImageBackup.Engine.Cryptography.Vectorized;

internal sealed partial class AesNi
{
    private readonly int _keyBytes;

    public AesNi(ReadOnlySpan<byte> key) => _keyBytes = IsSupported ? key.Length : throw new PlatformNotSupportedException();

    public static bool IsSupported => false;

    public void EncryptBlock(ReadOnlySpan<byte> source, Span<byte> target) => throw new PlatformNotSupportedException($"A key of {_keyBytes} bytes.");

    public int Apply(ref BlockCounter counter, ReadOnlySpan<byte> source, Span<byte> target) => throw new PlatformNotSupportedException($"A key of {_keyBytes} bytes.");

    public void Dispose()
    {
    }
}
