using System;
using System.Globalization;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Luks;

/// <summary>
/// LUKS versions 1 and 2 (LUKS On-Disk Format Specification 1.2.3; LUKS2 On-Disk Format Specification): recognised,
/// never mapped, as nothing tells free space from used in ciphertext.
/// </summary>
public sealed class LuksReader : IFileSystemReader
{
    private const int HeaderLengthBytes = 512;
    private const int LabelOffset = 24;
    private const int LabelLengthBytes = 48;
    private const int UuidOffset = 168;
    private const int UuidLengthBytes = 40;

    private static readonly byte[] s_magic = [(byte)'L', (byte)'U', (byte)'K', (byte)'S', 0xBA, 0xBE];

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        if (volume.TryRead(0, HeaderLengthBytes) is not { } header || !header.AsSpan(0, s_magic.Length).SequenceEqual(s_magic))
            return null;
        int version = BigEndian.UInt16(header, s_magic.Length);
        if (version is not (1 or 2))
            return null;
        return new FileSystemDescription
        {
            Type = "crypto_LUKS",
            Label = version == 2 ? VolumeStructures.Utf8Label(header.AsSpan(LabelOffset, LabelLengthBytes)) : null,
            Uuid = VolumeStructures.Utf8Label(header.AsSpan(UuidOffset, UuidLengthBytes)),
            Version = version.ToString(CultureInfo.InvariantCulture),
            IsEncrypted = true,
        };
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        throw new FileSystemFormatException("LUKS: the volume is encrypted, its free space cannot be told from the rest: copied whole");
}
