using System;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>LZ77 with Huffman codes ("MS-XCA", section 2.2), for one block: at most 64 KiB of output.</summary>
internal static class XpressHuffman
{
    private const int SymbolCount = 512;
    private const int TableBytes = SymbolCount / 2;

    /// <summary>Fills the target.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static void Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        ReadOnlySpan<byte> packed = StructureBounds.Field(source, 0, TableBytes);
        Span<byte> lengths = stackalloc byte[SymbolCount];
        for (int i = 0; i < TableBytes; i++)
        {
            lengths[2 * i] = (byte)(packed[i] & 15);
            lengths[2 * i + 1] = (byte)(packed[i] >> 4);
        }
        var table = new HuffmanTable(lengths);
        if (table.Bits == 0)
            throw new FileSystemFormatException("NTFS: compressed data has no codes");

        // The bits come in 16-bit words, one ahead; the bytes of long lengths lie between the words.
        int position = TableBytes;
        uint bits = (uint)Word(source, ref position) << 16 | Word(source, ref position);
        int extra = 16;
        int written = 0;
        while (written < target.Length)
        {
            int symbol = table.Decode(bits >> (32 - table.Bits), out int used);
            Skip(source, ref position, ref bits, ref extra, used);
            if (symbol < 256)
            {
                target[written++] = (byte)symbol;
                continue;
            }
            int length = symbol & 15;
            int distanceBits = (symbol - 256) >> 4;
            if (length == 15)
            {
                length = StructureBounds.Field(source, position++, 1)[0];
                if (length == 255)
                {
                    length = LittleEndian.UInt16(source, position);
                    position += 2;
                    if (length < 15)
                        throw new FileSystemFormatException("NTFS: compressed data has a bad length");
                    length -= 15;
                }
                length += 15;
            }
            length = Math.Min(length + 3, target.Length - written);
            int distance = (distanceBits == 0 ? 0 : (int)(bits >> (32 - distanceBits))) + (1 << distanceBits);
            Skip(source, ref position, ref bits, ref extra, distanceBits);
            if (distance > written)
                throw new FileSystemFormatException("NTFS: compressed data refers to what is not there");
            for (; length > 0; length--, written++)
                target[written] = target[written - distance];
        }
    }

    private static void Skip(ReadOnlySpan<byte> source, ref int position, ref uint bits, ref int extra, int count)
    {
        bits <<= count;
        extra -= count;
        if (extra < 0)
        {
            bits |= (uint)Word(source, ref position) << -extra;
            extra += 16;
        }
    }

    // The reading runs ahead of the end.
    private static ushort Word(ReadOnlySpan<byte> source, ref int position)
    {
        position += 2;
        return position <= source.Length ? LittleEndian.UInt16(source, position - 2) : (ushort)0;
    }
}
