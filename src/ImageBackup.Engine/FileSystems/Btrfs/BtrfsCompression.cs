using System;
using System.IO;
using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>Decompresses one extent (btrfs documentation, "Compression").</summary>
internal static class BtrfsCompression
{
    private const int Zlib = 1;
    private const int Lzo = 2;
    private const int Zstd = 3;
    private const int ZlibHeaderBytes = 2;

    /// <summary>Windows that btrfs makes: 128 KiB.</summary>
    private const int MaxWindowLog = 17;

    /// <summary>Fills the target; what the extent does not reach is zeros.</summary>
    /// <exception cref="FileSystemFormatException">Damaged, or compressed in an unknown way.</exception>
    public static void Decompress(int type, byte[] source, byte[] target, int sectorSizeBytes)
    {
        int written;
        try
        {
            switch (type)
            {
                case Zlib:
                    if (source.Length < ZlibHeaderBytes)
                        throw new FileSystemFormatException("btrfs: compressed data ends early");
                    using (var stream = new DeflateStream(new MemoryStream(source, ZlibHeaderBytes, source.Length - ZlibHeaderBytes), CompressionMode.Decompress))
                        written = Fill(stream, target);
                    break;
                case Lzo:
                    written = DecompressLzo(source, target, sectorSizeBytes);
                    break;
                case Zstd:
                    using (var stream = new DecompressionStream(new MemoryStream(source, 0, ZstdFrameBytes(source))))
                    {
                        stream.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MaxWindowLog);
                        written = Fill(stream, target);
                    }
                    break;
                default:
                    throw new FileSystemFormatException($"btrfs: an extent is compressed in the unknown way {type}");
            }
        }
        catch (Exception e) when (e is ZstdException or InvalidDataException or IOException)
        {
            throw new FileSystemFormatException("btrfs: compressed data is damaged", e);
        }
        target.AsSpan(written).Clear();
    }

    // Behind the frame the extent is filled up to whole sectors.
    private static unsafe int ZstdFrameBytes(byte[] source)
    {
        fixed (byte* bytes = source)
        {
            nuint length = Methods.ZSTD_findFrameCompressedSize(bytes, (nuint)source.Length);
            return length <= (nuint)source.Length ? (int)length : throw new FileSystemFormatException("btrfs: compressed data is damaged");
        }
    }

    private static int Fill(Stream stream, byte[] target)
    {
        int written = 0;
        for (int count; written < target.Length && (count = stream.Read(target, written, target.Length - written)) > 0; written += count)
        {
        }
        return written;
    }

    // The whole length, then one stream a sector, each after its length. A length is not cut by the end of a sector.
    private static int DecompressLzo(byte[] source, byte[] target, int sectorSizeBytes)
    {
        uint total = LittleEndian.UInt32(source, 0);
        if (total > (uint)source.Length)
            throw new FileSystemFormatException("btrfs: compressed data is longer than its extent");
        int written = 0;
        int at = 4;
        while (at + 4 <= total && written < target.Length)
        {
            int left = sectorSizeBytes - at % sectorSizeBytes;
            if (left < 4)
            {
                at += left;
                continue;
            }
            uint length = LittleEndian.UInt32(source, at);
            at += 4;
            if (length == 0 || length > total - at)
                throw new FileSystemFormatException("btrfs: compressed data has a bad length");
            written += Lzo1x.Decompress(source.AsSpan(at, (int)length), target.AsSpan(written, Math.Min(sectorSizeBytes, target.Length - written)));
            at += (int)length;
        }
        return written;
    }
}
