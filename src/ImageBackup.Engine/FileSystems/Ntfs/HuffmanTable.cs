using System;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>Decodes canonical Huffman codes, high bit first: shorter codes first, those of one length by their symbol.</summary>
internal sealed class HuffmanTable
{
    private const int MaxBits = 16;
    private const int LengthBits = 5;
    private readonly ushort[] _entries;

    /// <param name="lengths">The length of each symbol's code in bits, at most 16; 0: the symbol does not occur. At most 2048 symbols.</param>
    /// <exception cref="FileSystemFormatException">No code has such lengths.</exception>
    public HuffmanTable(ReadOnlySpan<byte> lengths)
    {
        foreach (byte length in lengths)
            Bits = Math.Max(Bits, length);
        if (Bits > MaxBits)
            throw new FileSystemFormatException("NTFS: compressed data has a code that is too long");
        _entries = new ushort[1 << Bits];
        int next = 0;
        for (int length = 1; length <= Bits; length++)
        {
            for (int symbol = 0; symbol < lengths.Length; symbol++)
            {
                if (lengths[symbol] != length)
                    continue;
                int count = 1 << (Bits - length);
                if (next + count > _entries.Length)
                    throw new FileSystemFormatException("NTFS: compressed data has codes that contradict each other");
                _entries.AsSpan(next, count).Fill((ushort)((symbol << LengthBits) | length));
                next += count;
            }
        }
    }

    /// <summary>The length of the longest code; 0: there are no codes.</summary>
    public int Bits { get; }

    /// <summary>The symbol whose code begins the next <see cref="Bits"/> bits.</summary>
    /// <exception cref="FileSystemFormatException">None does.</exception>
    public int Decode(uint nextBits, out int lengthBits)
    {
        ushort entry = _entries[(int)nextBits];
        lengthBits = entry & ((1 << LengthBits) - 1);
        if (lengthBits == 0)
            throw new FileSystemFormatException("NTFS: compressed data has a code that means nothing");
        return entry >> LengthBits;
    }
}
