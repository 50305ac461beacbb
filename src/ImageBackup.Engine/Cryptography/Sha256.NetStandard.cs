using System;
using System.Security.Cryptography;

namespace ImageBackup.Engine.Cryptography;

internal sealed partial class Sha256
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        using var hash = new Sha256();
        hash.Append(data);
        hash.Finish(digest);
    }

    public void Append(ReadOnlySpan<byte> data)
    {
        byte[] copy = System.Buffers.ArrayPool<byte>.Shared.Rent(Math.Min(data.Length, 1 << 16));
        while (!data.IsEmpty)
        {
            int countBytes = Math.Min(data.Length, copy.Length);
            data.Slice(0, countBytes).CopyTo(copy);
            _hash.AppendData(copy, 0, countBytes);
            data = data.Slice(countBytes);
        }
        System.Buffers.ArrayPool<byte>.Shared.Return(copy);
    }

    public void Finish(Span<byte> digest) => _hash.GetHashAndReset().CopyTo(digest);
}
