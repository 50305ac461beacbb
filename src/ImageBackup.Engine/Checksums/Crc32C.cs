using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.Checksums;

/// <summary>
/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected), RFC 3720 appendix B.4: the checksum of ext4, XFS v5,
/// btrfs and jbd2.
/// </summary>
internal static partial class Crc32C
{
    /// <summary>The usual CRC: initial value and result inverted. "123456789" gives 0xE3069283.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => ~Update(uint.MaxValue, bytes);

    /// <summary>
    /// The raw register: neither the initial value nor the result is inverted, so that calls can be chained.
    /// </summary>
    public static uint Update(uint register, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 8)
        {
            register = Step(register, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes.Slice(8);
        }
        foreach (byte value in bytes)
            register = Step(register, value);
        return register;
    }
}
