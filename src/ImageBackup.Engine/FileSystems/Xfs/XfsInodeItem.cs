using System;
using System.Buffers.Binary;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>
/// An inode as the log has it ("XFS Algorithms &amp; Data Structures", Inode Log Item): its core in the byte order of the
/// machine that wrote it, low byte first here, and those of its forks that were changed.
/// </summary>
internal static class XfsInodeItem
{
    private const int FormatBytes = 56;
    private const int FormatBytesPacked = 52;
    private const uint DataFork = 0x2 | 0x4 | 0x8;
    private const uint DataRoot = 0x8;
    private const uint DataDevice = 0x10;
    private const uint AttributeFork = 0x40 | 0x80 | 0x100;
    private const uint AttributeRoot = 0x100;
    private const ushort Magic = 0x494E; // IN
    private const int CoreBytes = 96;
    private const int CoreBytes3 = 176;
    private const int LiteralOffset = 100;
    private const int LiteralOffset3 = 176;
    private const int LsnOffset = 112;
    private const int FlushCountOffset = 30;
    private const int MaxFlushCount = 0xFFFF;
    private const ulong BigTimeFlag = 0x8;
    private const ulong LargeCountsFlag = 0x10;
    private const int BlockHeaderBytes = 24;
    private const int BlockHeaderBytes3 = 72;

    private static readonly int[] s_words = [0, 2, 6, 20, 22, 80, 88, 90];
    private static readonly int[] s_doubleWords = [8, 12, 16, 72, 76, 84, 92];
    private static readonly int[] s_quadWords = [56, 64];
    private static readonly int[] s_times = [32, 40, 48];

    /// <summary>Which inode, and where the log says that the buffer that holds it begins: in sectors of 512 bytes, and its place in it.</summary>
    /// <exception cref="FileSystemFormatException">Not the format of an inode.</exception>
    public static (long Number, long BufferSector, int InsideBytes) Place(XfsLogItem item)
    {
        byte[] format = item.Region(0);
        // The fields of 64 bits are aligned, or, from 32-bit machines, are not.
        int shift = format.Length switch
        {
            FormatBytes => 0,
            FormatBytesPacked => -4,
            _ => throw new FileSystemFormatException($"xfs: the log describes an inode in {format.Length} bytes"),
        };
        return (LittleEndian.Int63(format, 16 + shift), LittleEndian.Int63(format, 40 + shift), (int)LittleEndian.UInt32(format, 52 + shift));
    }

    /// <summary>Writes the changes over an inode; false: the one that is there has them, or later ones.</summary>
    /// <param name="inode">As it lies on the volume.</param>
    /// <param name="item">What the log has of it.</param>
    /// <param name="lsn">The transaction's place in the log.</param>
    /// <param name="hasChecksums">Version 5.</param>
    /// <exception cref="FileSystemFormatException">They do not fit.</exception>
    public static bool Apply(Span<byte> inode, XfsLogItem item, ulong lsn, bool hasChecksums)
    {
        byte[] format = item.Region(0), core = item.Region(1);
        uint fields = LittleEndian.UInt32(format, 4);
        bool is3 = LittleEndian.UInt8(core, 4) == 3;
        if (LittleEndian.UInt16(core, 0) != Magic || is3 != hasChecksums || core.Length < (is3 ? CoreBytes3 : CoreBytes))
            throw new FileSystemFormatException("xfs: the log holds a damaged inode");
        if (BigEndian.UInt16(inode, 0) != Magic)
            inode.Clear();
        else if (IsNewer(inode, core, lsn, is3))
            return false;

        WriteCore(inode, core, is3);
        if (is3)
            BinaryPrimitives.WriteUInt64BigEndian(inode.Slice(LsnOffset), lsn);
        int start = is3 ? LiteralOffset3 : LiteralOffset;
        int end = core[82] == 0 ? inode.Length : start + core[82] * 8;
        if (end > inode.Length)
            throw new FileSystemFormatException("xfs: the log holds an inode whose forks do not fit it");
        int region = 2;
        if ((fields & DataFork) != 0)
            WriteFork(inode.Slice(start, end - start), item.Region(region++), (fields & DataRoot) != 0, is3);
        else if ((fields & DataDevice) != 0)
            BinaryPrimitives.WriteUInt32BigEndian(inode.Slice(start), LittleEndian.UInt32(format, format.Length == FormatBytes ? 24 : 20));
        if ((fields & AttributeFork) != 0)
            WriteFork(inode.Slice(end), item.Region(region), (fields & AttributeRoot) != 0, is3);
        return true;
    }

    // Equal is not newer: several transactions may begin at one place of the log, and the inode may have been written between them.
    private static bool IsNewer(ReadOnlySpan<byte> inode, ReadOnlySpan<byte> core, ulong lsn, bool is3)
    {
        if (is3)
        {
            ulong present = BigEndian.UInt64(inode, LsnOffset);
            return BigEndian.UInt8(inode, 4) == 3 && present != ulong.MaxValue && present > lsn;
        }
        // Version 4 counts how often an inode was written; the count starts anew behind its end.
        ushort written = BigEndian.UInt16(inode, FlushCountOffset), logged = LittleEndian.UInt16(core, FlushCountOffset);
        return logged < written && !(written == MaxFlushCount && logged < MaxFlushCount / 2);
    }

    // The same fields in the same places, in the other byte order.
    private static void WriteCore(Span<byte> inode, ReadOnlySpan<byte> core, bool is3)
    {
        ulong flags2 = is3 ? LittleEndian.UInt64(core, 120) : 0;
        inode[4] = core[4];
        inode[5] = core[5];
        inode[82] = core[82];
        inode[83] = core[83];
        foreach (int at in s_words)
            Reverse(inode, core, at, 2);
        foreach (int at in s_doubleWords)
            Reverse(inode, core, at, 4);
        foreach (int at in s_quadWords)
            Reverse(inode, core, at, 8);
        foreach (int at in s_times)
            ReverseTime(inode, core, at, flags2);
        inode.Slice(24, 8).Clear();
        if ((flags2 & LargeCountsFlag) != 0)
            Reverse(inode, core, 24, 8);
        if (!is3)
            return;
        Reverse(inode, core, 104, 8);
        Reverse(inode, core, 120, 8);
        Reverse(inode, core, 128, 4);
        ReverseTime(inode, core, 144, flags2);
        Reverse(inode, core, 152, 8);
        core.Slice(160, 16).CopyTo(inode.Slice(160));
    }

    private static void ReverseTime(Span<byte> inode, ReadOnlySpan<byte> core, int at, ulong flags2)
    {
        if ((flags2 & BigTimeFlag) != 0)
        {
            Reverse(inode, core, at, 8);
            return;
        }
        Reverse(inode, core, at, 4);
        Reverse(inode, core, at + 4, 4);
    }

    private static void Reverse(Span<byte> inode, ReadOnlySpan<byte> core, int at, int count)
    {
        for (int i = 0; i < count; i++)
            inode[at + i] = core[at + count - 1 - i];
    }

    private static void WriteFork(Span<byte> fork, ReadOnlySpan<byte> region, bool isRoot, bool is3)
    {
        if (isRoot)
        {
            WriteRoot(fork, region, is3);
            return;
        }
        // Filled up to whole words in the log.
        if (region.Length > fork.Length + 3)
            throw new FileSystemFormatException("xfs: the log holds a fork that does not fit its inode");
        region.Slice(0, Math.Min(region.Length, fork.Length)).CopyTo(fork);
    }

    // The root of an extent tree is logged as it is in memory, with the header of a whole block and the pointers behind as
    // many keys as that has room for; in the inode the header is four bytes and the pointers lie behind the keys that fit there.
    private static void WriteRoot(Span<byte> fork, ReadOnlySpan<byte> region, bool is3)
    {
        int header = is3 ? BlockHeaderBytes3 : BlockHeaderBytes;
        int capacity = (region.Length - header) / 16, forkCapacity = (fork.Length - 4) / 16;
        int count = BigEndian.UInt16(region, 6);
        if (count == 0 || count > capacity || count > forkCapacity)
            throw new FileSystemFormatException("xfs: the log holds the root of an extent tree that does not fit its inode");
        fork.Clear();
        region.Slice(4, 4).CopyTo(fork);
        region.Slice(header, count * 8).CopyTo(fork.Slice(4));
        region.Slice(header + capacity * 8, count * 8).CopyTo(fork.Slice(4 + forkCapacity * 8));
    }
}
