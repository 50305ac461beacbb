using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>
/// LZX as the files of Windows' images have it ("MS-PATCH", LZX; the form of WIM): chunks of 32 KiB that know nothing of each other, the
/// length of a block in 16 bits or none, and call addresses always translated.
/// </summary>
internal ref struct Lzx
{
    public const int ChunkBytes = 32 << 10;
    private const int CharacterCount = 256;
    private const int PositionSlotCount = 30;
    private const int MainCount = CharacterCount + PositionSlotCount * 8;
    private const int LengthCount = 249;
    private const int CallFileBytes = 12_000_000;

    private readonly ReadOnlySpan<byte> _source;
    private int _position;
    private uint _bits;
    private int _bitCount;

    private Lzx(ReadOnlySpan<byte> source) => _source = source;

    /// <summary>Fills the target, at most 32 KiB.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static void Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (target.Length > ChunkBytes)
            throw new FileSystemFormatException("NTFS: a compressed chunk is too long");
        new Lzx(source).ReadBlocks(target);
        TranslateCalls(target);
    }

    private void ReadBlocks(scoped Span<byte> target)
    {
        // The lengths of codes are told as differences from the block before.
        Span<byte> mainLengths = stackalloc byte[MainCount];
        Span<byte> lengthLengths = stackalloc byte[LengthCount];
        Span<int> recent = [1, 1, 1];
        mainLengths.Clear();
        lengthLengths.Clear();
        for (int written = 0; written < target.Length;)
        {
            int type = Bits(3);
            int length = Bits(1) == 1 ? ChunkBytes : Bits(16);
            if (length == 0 || length > target.Length - written)
                throw new FileSystemFormatException("NTFS: a compressed block has a bad length");
            switch (type)
            {
                case 1 or 2:
                    HuffmanTable? aligned = type == 2 ? ReadAlignedTable() : null;
                    ReadLengths(mainLengths.Slice(0, CharacterCount));
                    ReadLengths(mainLengths.Slice(CharacterCount));
                    ReadLengths(lengthLengths);
                    ReadMatches(target.Slice(0, written + length), written, new HuffmanTable(mainLengths), new HuffmanTable(lengthLengths), aligned, recent);
                    break;
                case 3:
                    ReadStored(target.Slice(written, length), recent);
                    break;
                default:
                    throw new FileSystemFormatException($"NTFS: a compressed block has the unknown type {type}");
            }
            written += length;
        }
    }

    private HuffmanTable ReadAlignedTable()
    {
        Span<byte> lengths = stackalloc byte[8];
        for (int i = 0; i < lengths.Length; i++)
            lengths[i] = (byte)Bits(3);
        return new HuffmanTable(lengths);
    }

    private void ReadLengths(scoped Span<byte> lengths)
    {
        Span<byte> preLengths = stackalloc byte[20];
        for (int i = 0; i < preLengths.Length; i++)
            preLengths[i] = (byte)Bits(4);
        var table = new HuffmanTable(preLengths);
        for (int i = 0; i < lengths.Length;)
        {
            int symbol = Symbol(table);
            if (symbol < 17)
            {
                lengths[i] = Difference(lengths[i], symbol);
                i++;
                continue;
            }
            int count = symbol switch { 17 => 4 + Bits(4), 18 => 20 + Bits(5), _ => 4 + Bits(1) };
            byte value = 0;
            if (symbol == 19)
            {
                int difference = Symbol(table);
                if (difference > 16)
                    throw new FileSystemFormatException("NTFS: compressed data has bad code lengths");
                value = Difference(lengths[i], difference);
            }
            if (count > lengths.Length - i)
                throw new FileSystemFormatException("NTFS: compressed data has too many code lengths");
            lengths.Slice(i, count).Fill(value);
            i += count;
        }
    }

    private static byte Difference(byte before, int symbol) => (byte)((before - symbol + 17) % 17);

    private void ReadMatches(
        scoped Span<byte> target, int written, HuffmanTable main, HuffmanTable lengths, HuffmanTable? aligned, scoped Span<int> recent)
    {
        while (written < target.Length)
        {
            int symbol = Symbol(main);
            if (symbol < CharacterCount)
            {
                target[written++] = (byte)symbol;
                continue;
            }
            symbol -= CharacterCount;
            int length = symbol & 7;
            if (length == 7)
                length += Symbol(lengths);
            length += 2;
            int slot = symbol >> 3;
            int distance;
            if (slot < 3)
            {
                distance = recent[slot];
                recent[slot] = recent[0];
            }
            else
            {
                distance = ReadDistance(slot, aligned);
                recent[2] = recent[1];
                recent[1] = recent[0];
            }
            recent[0] = distance;
            if (distance <= 0 || distance > written || length > target.Length - written)
                throw new FileSystemFormatException("NTFS: compressed data refers to what is not there");
            for (; length > 0; length--, written++)
                target[written] = target[written - distance];
        }
    }

    private int ReadDistance(int slot, HuffmanTable? aligned)
    {
        int extraBits = slot < 4 ? 0 : slot / 2 - 1;
        int first = slot < 4 ? slot : (2 + (slot & 1)) << extraBits;
        int offset = aligned is not null && extraBits >= 3
            ? (Bits(extraBits - 3) << 3) + Symbol(aligned)
            : Bits(extraBits);
        return first + offset - 2;
    }

    private void ReadStored(scoped Span<byte> target, scoped Span<int> recent)
    {
        // To the next 16-bit word; a whole one is skipped if the bits end with one.
        if (_bitCount == 0)
            _position += 2;
        else if (_bitCount > 16)
            _position -= 2;
        _bits = 0;
        _bitCount = 0;
        for (int i = 0; i < recent.Length; i++, _position += 4)
            recent[i] = (int)Math.Min(LittleEndian.UInt32(_source, _position), int.MaxValue);
        StructureBounds.Field(_source, _position, target.Length).CopyTo(target);
        _position += (target.Length + 1) & ~1;
    }

    private int Symbol(HuffmanTable table)
    {
        if (table.Bits == 0)
            throw new FileSystemFormatException("NTFS: compressed data has no codes");
        Fill(table.Bits);
        int symbol = table.Decode(_bits >> (32 - table.Bits), out int used);
        _bits <<= used;
        _bitCount -= used;
        return symbol;
    }

    private int Bits(int count)
    {
        if (count == 0)
            return 0;
        Fill(count);
        int value = (int)(_bits >> (32 - count));
        _bits <<= count;
        _bitCount -= count;
        return value;
    }

    // Behind the end come zeros: a code may be looked up with more bits than it has.
    private void Fill(int count)
    {
        while (_bitCount < count)
        {
            uint word = _position <= _source.Length - 2 ? LittleEndian.UInt16(_source, _position) : 0u;
            _position += 2;
            if (_position > _source.Length + 8)
                throw new FileSystemFormatException("NTFS: compressed data ends early");
            _bits |= word << (16 - _bitCount);
            _bitCount += 16;
        }
    }

    // x86 calls have absolute addresses in compressed data.
    private static void TranslateCalls(Span<byte> target)
    {
        for (int i = 0; i < target.Length - 10; i++)
        {
            if (target[i] != 0xE8)
                continue;
            Span<byte> field = target.Slice(i + 1, 4);
            int absolute = BinaryPrimitives.ReadInt32LittleEndian(field);
            if (absolute >= -i && absolute < CallFileBytes)
                BinaryPrimitives.WriteInt32LittleEndian(field, absolute >= 0 ? absolute - i : absolute + CallFileBytes);
            i += 4;
        }
    }
}
