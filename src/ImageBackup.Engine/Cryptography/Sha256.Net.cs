using System;
using System.Security.Cryptography;

namespace ImageBackup.Engine.Cryptography;

internal sealed partial class Sha256
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest) => SHA256.HashData(data, digest);

    public void Append(ReadOnlySpan<byte> data) => _hash.AppendData(data);

    public void Finish(Span<byte> digest) => _hash.GetHashAndReset(digest);
}
