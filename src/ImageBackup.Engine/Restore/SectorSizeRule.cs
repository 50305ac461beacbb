using System;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;

namespace ImageBackup.Engine.Restore;

/// <summary>
/// Whether what is on an image can be used on a disk with sectors of another size. FAT, exFAT, NTFS, ReFS and BitLocker count in the sectors of
/// the disk that they were made on, and so do partition tables; XFS and ext need blocks of at least a sector. What counts is what the
/// structures say, not where the image was taken: a file has no sectors.
/// </summary>
internal static class SectorSizeRule
{
    private const int GptMagicBytes = 8;
    private static readonly int[] s_sectorSizes = [512, 4096];

    private enum Need
    {
        Equal,
        AtMost,
    }

    /// <summary>Why it will not work, as a sentence; null if it will, or if nothing tells.</summary>
    /// <param name="image">The image's bytes.</param>
    /// <param name="recordedSectorSizeBytes">The sector size of the volume that the image was taken of; null: not recorded.</param>
    /// <param name="targetName">For the message.</param>
    /// <param name="targetSectorSizeBytes">The target's logical sector size.</param>
    /// <exception cref="BlockReadException">The image's beginning is missing or damaged.</exception>
    public static string? Find(IBlockReader image, int? recordedSectorSizeBytes, string targetName, int targetSectorSizeBytes)
    {
        if (recordedSectorSizeBytes == targetSectorSizeBytes)
            return null;
        byte[]? head = image.TryRead(0, (int)Math.Min(8192, image.LengthBytes));
        if (head is not { Length: >= 2048 } || Demand(head, recordedSectorSizeBytes) is not { } demand)
            return null;
        (string what, int sizeBytes, Need need) = demand;
        bool fits = need == Need.Equal ? sizeBytes == targetSectorSizeBytes : targetSectorSizeBytes <= sizeBytes;
        return fits ? null
            : $"'{targetName}' has sectors of {targetSectorSizeBytes} bytes, and {what} needs sectors of {(need == Need.Equal ? "" : "at most ")}{sizeBytes} bytes: what is restored could not be used there.";
    }

    private static (string What, int SizeBytes, Need Need)? Demand(byte[] head, int? recorded)
    {
        ReadOnlySpan<byte> bytes = head;
        ReadOnlySpan<byte> oem = bytes.Slice(3, 8);
        bool isBoot = bytes[510] == 0x55 && bytes[511] == 0xAA;
        if (bytes.StartsWith("XFSB"u8))
            return Checked("the image's XFS", BigEndian.UInt16(bytes, 102), Need.AtMost);
        if (LittleEndian.UInt16(bytes, 1024 + 0x38) == 0xEF53 && LittleEndian.UInt32(bytes, 1024 + 0x18) is var log and <= 6)
            return ("the image's ext file system", 1024 << (int)log, Need.AtMost);
        if (oem.SequenceEqual("NTFS    "u8))
            return Checked("the image's NTFS", LittleEndian.UInt16(bytes, 11), Need.Equal);
        if (oem.SequenceEqual("-FVE-FS-"u8))
            return Checked("the image's BitLocker volume", LittleEndian.UInt16(bytes, 11), Need.Equal);
        if (oem.StartsWith("ReFS"u8))
            return Checked("the image's ReFS", (int)Math.Min(LittleEndian.UInt32(bytes, 32), int.MaxValue), Need.Equal);
        if (oem.SequenceEqual("EXFAT   "u8))
            return bytes[108] is >= 9 and <= 12 ? ("the image's exFAT", 1 << bytes[108], Need.Equal) : null;
        foreach (int sectorSizeBytes in s_sectorSizes)
        {
            if (bytes.Length >= sectorSizeBytes + GptMagicBytes && bytes.Slice(sectorSizeBytes, GptMagicBytes).SequenceEqual("EFI PART"u8))
                return ("the image's partition table (GPT)", sectorSizeBytes, Need.Equal);
        }
        if (isBoot && (bytes[0] is 0xEB or 0xE9) && bytes[16] is 1 or 2 && bytes[13] is not 0)
            return Checked("the image's FAT", LittleEndian.UInt16(bytes, 11), Need.Equal);
        return isBoot && recorded is { } size && HasPartitions(bytes) ? Checked("the image's partition table (MBR)", size, Need.Equal) : null;
    }

    private static bool HasPartitions(ReadOnlySpan<byte> sector)
    {
        for (int at = 446; at < 510; at += 16)
        {
            if (sector[at + 4] != 0 && (sector[at] & 0x7F) == 0)
                return true;
        }
        return false;
    }

    private static (string What, int SizeBytes, Need Need)? Checked(string what, int sizeBytes, Need need) =>
        sizeBytes is >= 512 and <= 65536 && (sizeBytes & (sizeBytes - 1)) == 0 ? (what, sizeBytes, need) : null;
}
