using System;
using System.Buffers.Binary;
using ImageBackup.Engine.Checksums;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>The checksum at the start of the superblock and of every tree block: of all bytes after its 32.</summary>
internal static class BtrfsChecksum
{
    public const int LengthBytes = 32;
    private const ushort TypeCrc32C = 0;
    private const ushort TypeXxHash64 = 1;
    private const ushort TypeSha256 = 2;
    private const ushort TypeBlake2 = 3;

    /// <exception cref="FileSystemFormatException">The type is not known.</exception>
    public static bool Matches(ushort type, byte[] block)
    {
        Span<byte> expected = stackalloc byte[LengthBytes];
        int length = Compute(type, block, LengthBytes, block.Length - LengthBytes, expected);
        return expected.Slice(0, length).SequenceEqual(block.AsSpan(0, length));
    }

    /// <summary>How many bytes a checksum has.</summary>
    /// <exception cref="FileSystemFormatException">The type is not known.</exception>
    public static int SizeBytes(ushort type) => type switch
    {
        TypeCrc32C => 4,
        TypeXxHash64 => 8,
        TypeSha256 or TypeBlake2 => 32,
        _ => throw new FileSystemFormatException($"btrfs: unknown checksum type {type}"),
    };

    /// <summary>Writes the checksum of a part of the bytes into the target, of 32 bytes, and returns its length.</summary>
    /// <exception cref="FileSystemFormatException">The type is not known.</exception>
    public static int Compute(ushort type, byte[] bytes, int offset, int count, Span<byte> target)
    {
        int length = SizeBytes(type);
        switch (type)
        {
            case TypeCrc32C:
                BinaryPrimitives.WriteUInt32LittleEndian(target, Crc32C.Compute(bytes.AsSpan(offset, count)));
                break;
            case TypeXxHash64:
                BinaryPrimitives.WriteUInt64LittleEndian(target, XxHash64.Compute(bytes.AsSpan(offset, count)));
                break;
            default:
                IDigest digest = type == TypeSha256 ? new Sha256Digest() : new Blake2bDigest(256);
                digest.BlockUpdate(bytes, offset, count);
                var result = new byte[digest.GetDigestSize()];
                digest.DoFinal(result, 0);
                result.CopyTo(target);
                break;
        }
        return length;
    }
}
