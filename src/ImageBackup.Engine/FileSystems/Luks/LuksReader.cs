using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Luks;

/// <summary>
/// LUKS versions 1 and 2 (LUKS On-Disk Format Specification 1.2.3; LUKS2 On-Disk Format Specification): recognised,
/// never mapped, as nothing tells free space from used in ciphertext.
/// </summary>
internal sealed class LuksReader : IFileSystemReader
{
    private const int HeaderLengthBytes = 512;
    private const int LabelOffset = 24;
    private const int LabelLengthBytes = 48;
    private const int UuidOffset = 168;
    private const int UuidLengthBytes = 40;

    private static readonly byte[] s_magic = [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xBA, 0xBE];

    /// <summary>The second header of LUKS2 begins where the first one's area ends: these are the sizes that the format allows.</summary>
    private static readonly long[] s_secondOffsets = [0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000];
    private static readonly byte[] s_secondMagic = [(byte)'S', (byte)'K', (byte)'U', (byte)'L', 0xBA, 0xBE];
    private const int OwnOffsetOffset = 256;

    /// <remarks>cryptsetup opens a volume by its second header when the first one is gone: so one of them is enough.</remarks>
    public FileSystemDescription? Probe(IBlockReader volume)
    {
        byte[]? header = volume.TryRead(0, HeaderLengthBytes);
        if (header is not null && !(header.AsSpan().StartsWith(s_magic) && BigEndian.UInt16(header, s_magic.Length) is 1 or 2))
            header = null;
        var marks = new List<ByteRange>();
        if (header is not null)
            marks.Add(new ByteRange(0, s_magic.Length));
        foreach (long offsetBytes in s_secondOffsets)
        {
            if (volume.TryRead(offsetBytes, HeaderLengthBytes) is not { } second || !second.AsSpan().StartsWith(s_secondMagic)
                || BigEndian.UInt64(second, OwnOffsetOffset) != (ulong)offsetBytes || BigEndian.UInt16(second, s_magic.Length) != 2)
                continue;
            marks.Add(new ByteRange(offsetBytes, s_secondMagic.Length));
            header ??= second;
        }
        if (header is null)
            return null;
        int version = BigEndian.UInt16(header, s_magic.Length);
        return new FileSystemDescription
        {
            Type = "crypto_LUKS",
            Label = version == 2 ? VolumeStructures.Utf8Label(header.AsSpan(LabelOffset, LabelLengthBytes)) : null,
            Uuid = VolumeStructures.Utf8Label(header.AsSpan(UuidOffset, UuidLengthBytes)),
            Version = version.ToString(CultureInfo.InvariantCulture),
            IsEncrypted = true,
            Marks = marks,
        };
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        throw new FileSystemFormatException("LUKS: the volume is encrypted, its free space cannot be told from the rest: copied whole");
}
