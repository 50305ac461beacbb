using System;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>LZO1X, by the description of its stream in Linux' documentation ("LZO stream format as understood by Linux' LZO decompressor").</summary>
internal static class Lzo1x
{
    /// <summary>What follows a long run of literals has another meaning.</summary>
    private const int AfterLongRun = 4;

    /// <summary>Decompresses one stream; returns how many bytes it gave, at most what the target takes.</summary>
    /// <exception cref="FileSystemFormatException">Damaged, or longer.</exception>
    public static int Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        int read = 0;
        int written = 0;
        int state = 0;
        if (source.Length > 0 && source[0] > 17)
        {
            int count = source[read++] - 17;
            CopyLiterals(source, ref read, target, ref written, count);
            state = Math.Min(count, AfterLongRun);
        }
        while (true)
        {
            int code = Next(source, ref read);
            int length;
            int distance;
            int trailing;
            if (code >= 64)
            {
                // 1 L L D D D S S, or 0 1 L D D D S S.
                length = code >= 128 ? 5 + (code >> 5 & 3) : 3 + (code >> 5 & 1);
                distance = (Next(source, ref read) << 3) + (code >> 2 & 7) + 1;
                trailing = code & 3;
            }
            else if (code >= 16)
            {
                // 0 0 1 L L L L L, or 0 0 0 1 H L L L; then 14 bits of distance and 2 of state.
                bool isNear = code >= 32;
                length = 2 + Length(source, ref read, code & (isNear ? 31 : 7), isNear ? 31 : 7);
                int word = Next(source, ref read) | Next(source, ref read) << 8;
                distance = isNear ? (word >> 2) + 1 : 16384 + ((code & 8) << 11) + (word >> 2);
                trailing = word & 3;
                if (!isNear && distance == 16384)
                    return written;
            }
            else if (state == 0)
            {
                CopyLiterals(source, ref read, target, ref written, 3 + Length(source, ref read, code, 15));
                state = AfterLongRun;
                continue;
            }
            else
            {
                length = state == AfterLongRun ? 3 : 2;
                distance = (Next(source, ref read) << 2) + (code >> 2) + (state == AfterLongRun ? 2049 : 1);
                trailing = code & 3;
            }
            if (distance > written || length > target.Length - written)
                throw new FileSystemFormatException("btrfs: compressed data refers to what is not there");
            for (; length > 0; length--, written++)
                target[written] = target[written - distance];
            CopyLiterals(source, ref read, target, ref written, trailing);
            state = trailing;
        }
    }

    // 0 in the code: more follows, 255 for each byte of zero.
    private static int Length(ReadOnlySpan<byte> source, ref int read, int bits, int full)
    {
        if (bits != 0)
            return bits;
        int length = full;
        int next;
        while ((next = Next(source, ref read)) == 0)
        {
            length += 255;
            if (length > 1 << 24)
                throw new FileSystemFormatException("btrfs: compressed data has a bad length");
        }
        return length + next;
    }

    private static void CopyLiterals(ReadOnlySpan<byte> source, ref int read, Span<byte> target, ref int written, int count)
    {
        if (count > source.Length - read || count > target.Length - written)
            throw new FileSystemFormatException("btrfs: compressed data is longer than it says");
        source.Slice(read, count).CopyTo(target.Slice(written));
        read += count;
        written += count;
    }

    private static int Next(ReadOnlySpan<byte> source, ref int read) =>
        read < source.Length ? source[read++] : throw new FileSystemFormatException("btrfs: compressed data ends early");
}
