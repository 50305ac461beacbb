using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>Extended attributes in all forms ("XFS Algorithms &amp; Data Structures", Extended Attributes): in the inode, in one leaf, or below nodes.</summary>
internal sealed class XfsAttributes
{
    private const byte LocalFlag = 0x01;
    private const byte RootFlag = 0x02;
    private const byte SecureFlag = 0x04;
    private const byte ParentFlag = 0x08;
    private const byte IncompleteFlag = 0x80;
    private const ushort LeafMagic = 0xFBEE;
    private const ushort LeafMagic3 = 0x3BEE;
    private const ushort NodeMagic = 0xFEBE;
    private const ushort NodeMagic3 = 0x3EBE;
    private const int BlockCrcOffset = 12;
    private const uint RemoteMagic = 0x5841524D; // XARM
    private const int MaxValueBytes = 64 << 10;
    private const int MaxLevel = 8;
    private const int MaxTotalBytes = 64 << 20;

    private readonly XfsVolume _xfs;
    private readonly List<FileTreeAttribute> _found = [];
    private long _totalBytes;

    private XfsAttributes(XfsVolume xfs) => _xfs = xfs;

    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static List<FileTreeAttribute> Read(XfsVolume xfs, XfsInode inode)
    {
        var attributes = new XfsAttributes(xfs);
        if (inode.Attributes is not { } fork)
            return attributes._found;
        if (fork.Format == XfsForkFormat.Local)
        {
            attributes.ReadShort(fork.Bytes.Span);
        }
        else if (fork.ExtentCount > 0)
        {
            using ExtentFileData data = xfs.OpenStructures(fork, (long)uint.MaxValue * xfs.Superblock.BlockSizeBytes);
            attributes.ReadLeaves(data);
        }
        return attributes._found;
    }

    private void ReadShort(ReadOnlySpan<byte> bytes)
    {
        int count = BigEndian.UInt8(bytes, 2);
        int at = 4;
        for (int i = 0; i < count; i++)
        {
            int nameLength = BigEndian.UInt8(bytes, at);
            int valueLength = BigEndian.UInt8(bytes, at + 1);
            byte flags = BigEndian.UInt8(bytes, at + 2);
            Add(flags, StructureBounds.Field(bytes, at + 3, nameLength), StructureBounds.Field(bytes, at + 3 + nameLength, valueLength).ToArray());
            at += 3 + nameLength + valueLength;
        }
    }

    // Down to the first leaf, then from leaf to leaf.
    private void ReadLeaves(ExtentFileData data)
    {
        uint number = 0;
        byte[] block = ReadBlock(data, number);
        bool hasChecksums = _xfs.Superblock.HasChecksums;
        for (int level = 0; BigEndian.UInt16(block, 8) == (hasChecksums ? NodeMagic3 : NodeMagic); level++)
        {
            if (level == MaxLevel || BigEndian.UInt16(block, hasChecksums ? 56 : 12) == 0)
                throw new FileSystemFormatException("xfs: a tree of attributes is damaged");
            number = BigEndian.UInt32(block, (hasChecksums ? 64 : 16) + 4);
            block = ReadBlock(data, number);
        }
        var seen = new HashSet<uint>();
        while (seen.Add(number))
        {
            if (BigEndian.UInt16(block, 8) != (hasChecksums ? LeafMagic3 : LeafMagic))
                throw new FileSystemFormatException("xfs: a leaf of attributes is damaged");
            ReadLeaf(data, block);
            number = BigEndian.UInt32(block, 0);
            if (number == 0)
                return;
            block = ReadBlock(data, number);
        }
        throw new FileSystemFormatException("xfs: the leaves of attributes run in a circle");
    }

    private byte[] ReadBlock(ExtentFileData data, uint number)
    {
        var block = new byte[_xfs.Superblock.BlockSizeBytes];
        data.ReadAt((long)number * block.Length, block);
        if (_xfs.VerifiesChecksums && !XfsChecksum.Matches(block, BlockCrcOffset))
            throw new FileSystemFormatException("xfs: a block of attributes does not match its checksum");
        return block;
    }

    private void ReadLeaf(ExtentFileData data, byte[] block)
    {
        int count = BigEndian.UInt16(block, _xfs.Superblock.HasChecksums ? 56 : 12);
        int entries = _xfs.Superblock.HasChecksums ? 80 : 32;
        for (int i = 0; i < count; i++)
        {
            int at = BigEndian.UInt16(block, entries + i * 8 + 4);
            byte flags = BigEndian.UInt8(block, entries + i * 8 + 6);
            if ((flags & IncompleteFlag) != 0)
                continue;
            if ((flags & LocalFlag) != 0)
            {
                int valueLength = BigEndian.UInt16(block, at);
                int nameLength = BigEndian.UInt8(block, at + 2);
                Add(flags, StructureBounds.Field(block, at + 3, nameLength), StructureBounds.Field(block, at + 3 + nameLength, valueLength).ToArray());
            }
            else
            {
                uint length = BigEndian.UInt32(block, at + 4);
                ReadOnlySpan<byte> name = StructureBounds.Field(block, at + 9, BigEndian.UInt8(block, at + 8));
                if (length > MaxValueBytes)
                    throw new FileSystemFormatException($"xfs: an attribute has {length} bytes");
                Add(flags, name, ReadRemote(data, BigEndian.UInt32(block, at), (int)length));
            }
        }
    }

    private byte[] ReadRemote(ExtentFileData data, uint firstBlock, int length)
    {
        var value = new byte[length];
        XfsRemote.ReadBlocks(_xfs, data, firstBlock, RemoteMagic, value);
        return value;
    }

    private void Add(byte flags, ReadOnlySpan<byte> name, byte[] value)
    {
        // A parent's name, which the file system keeps for itself.
        if ((flags & ParentFlag) != 0)
            return;
        _totalBytes += value.Length + name.Length;
        if (_totalBytes > MaxTotalBytes)
            throw new FileSystemFormatException("xfs: an inode has too many attributes");
        string text = UnixFileName.Decode(name);
        if ((flags & RootFlag) != 0 && text is "SGI_ACL_FILE" or "SGI_ACL_DEFAULT" && ConvertAcl(value) is { } acl)
            _found.Add(new FileTreeAttribute(text == "SGI_ACL_FILE" ? "system.posix_acl_access" : "system.posix_acl_default", acl));
        string space = (flags & RootFlag) != 0 ? "trusted." : (flags & SecureFlag) != 0 ? "security." : "user.";
        _found.Add(new FileTreeAttribute(space + text, value));
    }

    // From XFS' own form (count, then tag, id, permissions, high byte first) to that of the attribute that Linux shows.
    private static byte[]? ConvertAcl(byte[] value)
    {
        const int entryBytes = 12, user = 2, group = 8;
        if (value.Length < 4 || BigEndian.UInt32(value, 0) != (uint)(value.Length - 4) / entryBytes)
            return null;
        int count = (value.Length - 4) / entryBytes;
        var acl = new byte[4 + count * 8];
        BinaryPrimitives.WriteUInt32LittleEndian(acl, 2);
        for (int i = 0; i < count; i++)
        {
            int at = 4 + i * entryBytes;
            uint tag = BigEndian.UInt32(value, at);
            BinaryPrimitives.WriteUInt16LittleEndian(acl.AsSpan(4 + i * 8), (ushort)tag);
            BinaryPrimitives.WriteUInt16LittleEndian(acl.AsSpan(6 + i * 8), BigEndian.UInt16(value, at + 8));
            BinaryPrimitives.WriteUInt32LittleEndian(acl.AsSpan(8 + i * 8), tag is user or group ? BigEndian.UInt32(value, at + 4) : uint.MaxValue);
        }
        return acl;
    }
}
