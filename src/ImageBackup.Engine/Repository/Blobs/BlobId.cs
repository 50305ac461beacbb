using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Cryptography;

namespace ImageBackup.Engine.Repository.Blobs;

/// <summary>A SHA-256: the id of a blob or of a stored file. 32 bytes, no allocation.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct BlobId : IEquatable<BlobId>
{
    public const int SizeBytes = 32;

    private readonly ulong _a, _b, _c, _d;

    public BlobId(ReadOnlySpan<byte> bytes)
    {
        _a = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        _b = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(8));
        _c = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(16));
        _d = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(24));
    }

    public static BlobId Of(ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[SizeBytes];
        Sha256.Hash(content, digest);
        return new BlobId(digest);
    }

    public bool IsNull => (_a | _b | _c | _d) == 0;

    public void CopyTo(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(target, _a);
        BinaryPrimitives.WriteUInt64LittleEndian(target.Slice(8), _b);
        BinaryPrimitives.WriteUInt64LittleEndian(target.Slice(16), _c);
        BinaryPrimitives.WriteUInt64LittleEndian(target.Slice(24), _d);
    }

    /// <summary>Writes 64 lower-case hexadecimal digits in ASCII.</summary>
    public void CopyHexTo(Span<byte> target)
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        CopyTo(bytes);
        Hex.EncodeAscii(bytes, target);
    }

    /// <summary>False if the text is not 64 hexadecimal digits in ASCII.</summary>
    public static bool TryParse(ReadOnlySpan<byte> hexAscii, out BlobId id)
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        if (Hex.TryDecodeAscii(hexAscii, bytes))
        {
            id = new BlobId(bytes);
            return true;
        }
        id = default;
        return false;
    }

    public static bool TryParse(string? hex, out BlobId id)
    {
        id = default;
        if (hex is null || hex.Length != SizeBytes * 2)
            return false;
        Span<byte> ascii = stackalloc byte[SizeBytes * 2];
        for (int i = 0; i < ascii.Length; i++)
        {
            if (hex[i] > 127)
                return false;
            ascii[i] = (byte)hex[i];
        }
        return TryParse(ascii, out id);
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[SizeBytes];
        CopyTo(bytes);
        return Hex.Encode(bytes);
    }

    public bool Equals(BlobId other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    public override bool Equals(object? obj) => obj is BlobId other && Equals(other);

    /// <summary>A hash's first bytes are as good a hash code as any.</summary>
    public override int GetHashCode() => (int)_a;

    public static bool operator ==(BlobId left, BlobId right) => left.Equals(right);

    public static bool operator !=(BlobId left, BlobId right) => !left.Equals(right);
}
