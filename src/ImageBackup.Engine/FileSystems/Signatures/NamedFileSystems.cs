using System;
using System.Collections.Generic;
using System.Globalization;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Signatures;

/// <summary>File systems that are named by their magic alone.</summary>
internal static class NamedFileSystems
{
    private const int OpticalOffset = 32 * 1024;
    private const int OpticalSectorBytes = 2048;
    private const int JfsOffset = 32 * 1024;

    public static IEnumerable<FileSystemDescription> Find(IBlockReader volume)
    {
        if (FindSquash(volume) is { } squash)
            yield return squash;
        if (FindJfs(volume) is { } jfs)
            yield return jfs;
        foreach (int offset in new[] { 64 * 1024, 8 * 1024 })
        {
            if (FindReiser(volume, offset) is { } reiser)
                yield return reiser;
        }
        if (FindOptical(volume) is { } optical)
            yield return optical;
    }

    private static FileSystemDescription? FindSquash(IBlockReader volume)
    {
        if (volume.TryRead(0, 96) is not { } bytes || !bytes.AsSpan().StartsWith("hsqs"u8))
            return null;
        ulong sizeBytes = LittleEndian.UInt64(bytes, 40);
        return new FileSystemDescription
        {
            Type = "squashfs",
            Marks = [new ByteRange(0, 4)],
            Version = FormattableString.Invariant($"{LittleEndian.UInt16(bytes, 28)}.{LittleEndian.UInt16(bytes, 30)}"),
            SizeBytes = sizeBytes <= long.MaxValue ? (long)sizeBytes : null,
        };
    }

    private static FileSystemDescription? FindJfs(IBlockReader volume)
    {
        if (volume.TryRead(JfsOffset, 184) is not { } bytes || !bytes.AsSpan().StartsWith("JFS1"u8))
            return null;
        return new FileSystemDescription
        {
            Type = "jfs",
            Marks = [new ByteRange(JfsOffset, 4)],
            Label = VolumeStructures.Utf8Label(bytes.AsSpan(152, 16)),
            Uuid = VolumeStructures.Uuid(bytes.AsSpan(136, 16)),
            Version = LittleEndian.UInt32(bytes, 4).ToString(CultureInfo.InvariantCulture),
            ClusterSizeBytes = ClusterSize(LittleEndian.UInt32(bytes, 16)),
        };
    }

    private static FileSystemDescription? FindReiser(IBlockReader volume, int offset)
    {
        const int magicOffset = 52;
        if (volume.TryRead(offset, 128) is not { } bytes)
            return null;
        if (bytes.AsSpan().StartsWith("ReIsEr4"u8))
            return new FileSystemDescription { Type = "reiser4", Marks = [new ByteRange(offset, 7)] };
        ReadOnlySpan<byte> magic = bytes.AsSpan(magicOffset);
        if (!magic.StartsWith("ReIsErFs"u8) && !magic.StartsWith("ReIsEr2Fs"u8) && !magic.StartsWith("ReIsEr3Fs"u8))
            return null;
        ushort blockSizeBytes = LittleEndian.UInt16(bytes, 44);
        bool is36 = !magic.StartsWith("ReIsErFs"u8);
        return new FileSystemDescription
        {
            Type = "reiserfs",
            Label = is36 ? VolumeStructures.Utf8Label(bytes.AsSpan(100, 16)) : null,
            Uuid = is36 ? VolumeStructures.Uuid(bytes.AsSpan(84, 16)) : null,
            SizeBytes = (long)LittleEndian.UInt32(bytes, 0) * blockSizeBytes,
            ClusterSizeBytes = ClusterSize(blockSizeBytes),
            Marks = [new ByteRange(offset + magicOffset, 8)],
        };
    }

    // ECMA-119 and ECMA-167: volume descriptors from sector 16 on, each naming its standard in bytes 1 to 5. A disc may bear both.
    private static FileSystemDescription? FindOptical(IBlockReader volume)
    {
        const int descriptorCount = 16;
        FileSystemDescription? iso = null;
        bool isUdf = false;
        var marks = new List<ByteRange>();
        for (int i = 0; i < descriptorCount; i++)
        {
            long offsetBytes = OpticalOffset + (long)i * OpticalSectorBytes;
            if (volume.TryRead(offsetBytes, 128) is not { } bytes)
                break;
            ReadOnlySpan<byte> standard = bytes.AsSpan(1, 5);
            bool isUdfSector = standard.SequenceEqual("NSR02"u8) || standard.SequenceEqual("NSR03"u8);
            bool isIsoSector = standard.SequenceEqual("CD001"u8) && bytes[0] == 1;
            if (isUdfSector || isIsoSector)
                marks.Add(new ByteRange(offsetBytes + 1, 5));
            isUdf |= isUdfSector;
            if (isIsoSector)
            {
                iso ??= new FileSystemDescription
                {
                    Type = "iso9660",
                    Label = VolumeStructures.Utf8Label(bytes.AsSpan(40, 32)),
                    SizeBytes = (long)LittleEndian.UInt32(bytes, 80) * OpticalSectorBytes,
                    ClusterSizeBytes = OpticalSectorBytes,
                };
            }
        }
        return isUdf
            ? new FileSystemDescription { Type = "udf", ClusterSizeBytes = OpticalSectorBytes, Marks = marks }
            : iso is null ? null : iso with { Marks = marks };
    }

    private static int? ClusterSize(uint value) => value is >= 512 and <= 65536 && (value & (value - 1)) == 0 ? (int)value : null;
}
