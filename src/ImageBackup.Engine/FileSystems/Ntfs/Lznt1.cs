using System;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>LZNT1 ("MS-XCA", section 2.5): chunks of 4 KiB, each with a header of its compressed length.</summary>
internal static class Lznt1
{
    private const int ChunkBytes = 4096;

    /// <summary>Fills the target. What the source does not reach is zeros: so is the rest of a chunk that is short.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static void Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        int start = 0;
        while (source.Length >= 2 && start < target.Length)
        {
            int header = LittleEndian.UInt16(source, 0);
            if (header == 0)
                break;
            int length = (header & 0xFFF) + 1;
            ReadOnlySpan<byte> chunk = StructureBounds.Field(source, 2, length);
            source = source.Slice(2 + length);
            Span<byte> output = target.Slice(start, Math.Min(ChunkBytes, target.Length - start));
            int written;
            if ((header & 0x8000) != 0)
            {
                written = DecompressChunk(chunk, output);
            }
            else
            {
                written = Math.Min(chunk.Length, output.Length);
                chunk.Slice(0, written).CopyTo(output);
            }
            output.Slice(written).Clear();
            start += output.Length;
        }
        target.Slice(start).Clear();
    }

    // The place in the chunk says how many bits of a match are its distance.
    private static int DecompressChunk(ReadOnlySpan<byte> chunk, Span<byte> output)
    {
        int written = 0;
        int read = 0;
        while (read < chunk.Length)
        {
            int flags = chunk[read++];
            for (int bit = 0; bit < 8 && read < chunk.Length; bit++, flags >>= 1)
            {
                if (written == output.Length)
                    return written;
                if ((flags & 1) == 0)
                {
                    output[written++] = chunk[read++];
                    continue;
                }
                int token = LittleEndian.UInt16(chunk, read);
                read += 2;
                int lengthBits = 12;
                for (int i = written - 1; i >= 0x10; i >>= 1)
                    lengthBits--;
                int distance = (token >> lengthBits) + 1;
                int length = Math.Min((token & ((1 << lengthBits) - 1)) + 3, output.Length - written);
                if (distance > written)
                    throw new FileSystemFormatException("NTFS: compressed data refers to what is not there");
                for (; length > 0; length--, written++)
                    output[written] = output[written - distance];
            }
        }
        return written;
    }
}
