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
        ReadOnlySpan<byte> content = block.AsSpan(LengthBytes);
        Span<byte> expected = stackalloc byte[32];
        int length;
        switch (type)
        {
            case TypeCrc32C:
                BinaryPrimitives.WriteUInt32LittleEndian(expected, Crc32C.Compute(content));
                length = 4;
                break;
            case TypeXxHash64:
                BinaryPrimitives.WriteUInt64LittleEndian(expected, XxHash64.Compute(content));
                length = 8;
                break;
            case TypeSha256:
            case TypeBlake2:
                IDigest digest = type == TypeSha256 ? new Sha256Digest() : new Blake2bDigest(256);
                digest.BlockUpdate(block, LengthBytes, block.Length - LengthBytes);
                var result = new byte[digest.GetDigestSize()];
                digest.DoFinal(result, 0);
                result.CopyTo(expected);
                length = result.Length;
                break;
            default:
                throw new FileSystemFormatException($"btrfs: unknown checksum type {type}");
        }
        return expected.Slice(0, length).SequenceEqual(block.AsSpan(0, length));
    }
}
