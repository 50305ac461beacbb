using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>Where a structure of version 5 holds what all of them hold: the place in the log of its last change, its file system, its checksum.</summary>
/// <param name="LsnOffset">8 bytes.</param>
/// <param name="UuidOffset">16 bytes.</param>
/// <param name="CrcOffset">4 bytes, of the structure with these as zero.</param>
internal readonly record struct XfsBlockForm(int LsnOffset, int UuidOffset, int CrcOffset)
{
    /// <summary>By the magic number; null: none of those that the log changes and that have these fields.</summary>
    public static XfsBlockForm? Of(ReadOnlySpan<byte> block) => BigEndian.UInt32(block, 0) switch
    {
        // B+trees of an allocation group: AB3B, AB3C, IAB3, FIB3, RMB3, R3FC
        0x41423342 or 0x41423343 or 0x49414233 or 0x46494233 or 0x524D4233 or 0x52334643 => new XfsBlockForm(24, 32, 52),
        0x424D4133 => new XfsBlockForm(32, 40, 64), // BMA3
        0x58414746 => new XfsBlockForm(208, 64, 216), // XAGF
        0x58465342 => new XfsBlockForm(240, 32, 224), // XFSB
        0x58444233 or 0x58444433 or 0x58444633 => new XfsBlockForm(16, 24, 4), // XDB3, XDD3, XDF3
        0x58534C4D => new XfsBlockForm(48, 16, 12), // XSLM
        // Leaves and nodes of directories and attributes
        _ when BigEndian.UInt16(block, 8) is 0x3DF1 or 0x3DFF or 0x3EBE or 0x3BEE => new XfsBlockForm(24, 32, 12),
        _ => null,
    };

    /// <summary>The place in the log of the last change that has reached the volume; 0: not known.</summary>
    public static ulong LastLsn(ReadOnlySpan<byte> block, XfsSuperblock superblock)
    {
        if (!superblock.HasChecksums || Of(block) is not { } form)
            return 0;
        // What was left there by an older file system says nothing.
        ReadOnlySpan<byte> uuid = StructureBounds.Field(block, form.UuidOffset, 16);
        ulong lsn = BigEndian.UInt64(block, form.LsnOffset);
        return lsn == ulong.MaxValue || !uuid.SequenceEqual(superblock.MetadataUuid) && !uuid.SequenceEqual(superblock.Uuid) ? 0 : lsn;
    }

    /// <summary>Makes the checksum fit the bytes.</summary>
    public static void Seal(Span<byte> bytes, int crcOffset) =>
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.Slice(crcOffset, 4), XfsChecksum.Compute(bytes, crcOffset));
}
