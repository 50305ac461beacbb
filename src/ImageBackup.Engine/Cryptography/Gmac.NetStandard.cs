using System;

namespace ImageBackup.Engine.Cryptography;

internal sealed partial class Gmac
{
    private readonly int _keySizeBytes;

    public Gmac(ReadOnlySpan<byte> key) => _keySizeBytes = IsSupported ? key.Length : throw new PlatformNotSupportedException();

    public static bool IsSupported => false;

    public void Compute(ReadOnlySpan<byte> message, Span<byte> tag) => throw new PlatformNotSupportedException($"A key of {_keySizeBytes} bytes.");

    public void Dispose()
    {
    }
}
