using System;

namespace ImageBackup.Engine.Cryptography;

/// <summary>SHA-256 over spans on both frameworks. One instance a thread.</summary>
internal sealed partial class Sha256 : IDisposable
{
    public const int SizeBytes = 32;

    public void Dispose() => _hash.Dispose();
}
