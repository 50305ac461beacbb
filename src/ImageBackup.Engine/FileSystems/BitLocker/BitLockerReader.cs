using System;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.BitLocker;

/// <summary>
/// BitLocker and BitLocker To Go: recognised by name only. Free space is ciphertext like everything else, so the
/// volume is copied whole; an unlocked one shows its file system and is read as that.
/// </summary>
/// <remarks>
/// Facts from "BitLocker Drive Encryption (BDE) format specification" (libbde): the file system's name in the boot
/// sector is -FVE-FS-. To Go keeps a FAT32 boot sector, so that old systems show their reader program; it has an
/// identifier at 424 and the offset of the first metadata block, which begins with -FVE-FS-, at 440.
/// </remarks>
internal sealed class BitLockerReader : IFileSystemReader
{
    private static readonly ByteRange[] s_marks = [new(3, 8)];
    private const int ToGoMetadataOffset = 440;

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        byte[]? bytes = volume.TryRead(0, 512);
        if (bytes is null)
            return null;
        bool isToGo = bytes.AsSpan(3, 8).SequenceEqual("MSWIN4.1"u8) && HasMetadata(volume, LittleEndian.UInt64(bytes, ToGoMetadataOffset));
        if (!isToGo && !bytes.AsSpan(3, 8).SequenceEqual("-FVE-FS-"u8))
            return null;
        return new FileSystemDescription
        {
            Type = "BitLocker",
            Marks = s_marks,
            Version = isToGo ? "To Go" : bytes[1] == 0x52 ? "Vista" : "7",
            IsEncrypted = true,
        };
    }

    private static bool HasMetadata(IBlockReader volume, ulong offsetBytes) =>
        offsetBytes is > 0 and <= long.MaxValue && volume.TryRead((long)offsetBytes, 8) is { } bytes && bytes.AsSpan().SequenceEqual("-FVE-FS-"u8);

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        throw new FileSystemFormatException("BitLocker: the volume is encrypted, its free space cannot be told from the rest");
}
