using System;
using System.Globalization;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.ReFs;

/// <summary>ReFS: recognised by name, copied whole. Its allocators are not documented.</summary>
/// <remarks>Facts from "Resilient File System (ReFS)" (libfsrefs): the volume header and its signatures.</remarks>
internal sealed class ReFsReader : IFileSystemReader
{
    private static readonly ByteRange[] s_marks = [new(3, 8)];

    public FileSystemDescription? Probe(IBlockReader volume)
    {
        byte[]? bytes = volume.TryRead(0, 512);
        if (bytes is null || !bytes.AsSpan(3, 8).SequenceEqual("ReFS\0\0\0\0"u8) || !bytes.AsSpan(16, 4).SequenceEqual("FSRS"u8))
            return null;
        ulong sectorCount = LittleEndian.UInt64(bytes, 24);
        uint sectorBytes = LittleEndian.UInt32(bytes, 32);
        long clusterBytes = (long)sectorBytes * LittleEndian.UInt32(bytes, 36);
        bool isSane = sectorBytes is >= 512 and <= 4096 && clusterBytes is >= 512 and <= (1 << 20)
            && sectorCount <= (ulong)(long.MaxValue / sectorBytes);
        return new FileSystemDescription
        {
            Type = "ReFS",
            Marks = s_marks,
            Version = $"{bytes[40]}.{bytes[41]}",
            Uuid = LittleEndian.UInt64(bytes, 56).ToString("X16", CultureInfo.InvariantCulture),
            SizeBytes = isSane ? (long)sectorCount * sectorBytes : null,
            ClusterSizeBytes = isSane ? (int)clusterBytes : null,
        };
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        throw new FileSystemFormatException("ReFS: the layout of its free space is not documented");
}
