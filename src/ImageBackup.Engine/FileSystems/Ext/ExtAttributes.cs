using System;
using System.Collections.Generic;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>The extended attributes of an inode: behind its fields and in a block (kernel documentation, ext4 "Extended Attributes").</summary>
internal static class ExtAttributes
{
    private const uint Magic = 0xEA020000;
    private const int BlockHeaderBytes = 32;
    private const int EntryBytes = 16;
    private const int IndexAccessAcl = 2, IndexDefaultAcl = 3, IndexSystem = 7;
    private const string InlineData = "data";

    /// <summary>All values of one file together; Linux keeps values of 64 KiB.</summary>
    private const int MaxValueBytes = 16 << 20;

    /// <param name="index">Of the name's prefix.</param>
    /// <param name="name">Without the prefix.</param>
    /// <param name="held">The value's length, and the inode whose content it is; 0: it is given.</param>
    /// <param name="value">Empty if an inode holds it.</param>
    private delegate void Visit(int index, string name, (uint Inode, long Bytes) held, ReadOnlySpan<byte> value);

    /// <summary>With their whole names, those alone that Linux lists.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static List<FileTreeAttribute> List(ExtVolume volume, ExtInode inode)
    {
        var attributes = new List<FileTreeAttribute>();
        long sumBytes = 0;
        Walk(volume, inode, (index, name, held, value) =>
        {
            if (Prefix(index) is not { } prefix || index == IndexSystem && name == InlineData)
                return;
            sumBytes += held.Bytes;
            if (sumBytes > MaxValueBytes)
                throw new FileSystemFormatException($"ext: the extended attributes of inode {inode.Number} are larger than are read");
            byte[] content = held.Inode == 0 ? value.ToArray() : ReadValue(volume, held.Inode, (int)held.Bytes);
            attributes.Add(new FileTreeAttribute(prefix + name, index is IndexAccessAcl or IndexDefaultAcl ? AsLinuxGivesIt(content) : content));
        });
        return attributes;
    }

    /// <summary>What of inline data does not fit the block map; null if there is none.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static byte[]? InlineRest(ExtVolume volume, ExtInode inode)
    {
        byte[]? rest = null;
        Walk(volume, inode, (index, name, _, value) =>
        {
            if (index == IndexSystem && name == InlineData)
                rest ??= value.ToArray();
        });
        return rest;
    }

    private static void Walk(ExtVolume volume, ExtInode inode, Visit visit)
    {
        ReadOnlySpan<byte> tail = inode.Tail;
        if (tail.Length >= 4 && LittleEndian.UInt32(tail, 0) == Magic)
            Walk(tail.Slice(4), 0, inode, visit);
        if (inode.AttributeBlock == 0)
            return;
        byte[] block = volume.Block(inode.AttributeBlock);
        if (LittleEndian.UInt32(block, 0) != Magic)
            throw new FileSystemFormatException($"ext: the block of the extended attributes of inode {inode.Number} is not one");
        Walk(block, BlockHeaderBytes, inode, visit);
    }

    private static void Walk(ReadOnlySpan<byte> area, int at, ExtInode inode, Visit visit)
    {
        // The list ends with four zero bytes, or with the area.
        while (at <= area.Length - 4 && LittleEndian.UInt32(area, at) != 0)
        {
            int nameLength = LittleEndian.UInt8(area, at);
            int offset = LittleEndian.UInt16(area, at + 2);
            uint valueInode = LittleEndian.UInt32(area, at + 4), size = LittleEndian.UInt32(area, at + 8);
            string name = UnixFileName.Decode(StructureBounds.Field(area, at + EntryBytes, nameLength));
            if (size > MaxValueBytes)
                throw new FileSystemFormatException($"ext: an extended attribute of inode {inode.Number} has {size} bytes");
            visit(LittleEndian.UInt8(area, at + 1), name, (valueInode, size), valueInode == 0 && size > 0 ? StructureBounds.Field(area, offset, (int)size) : default);
            at += (EntryBytes + nameLength + 3) & ~3;
        }
    }

    // With the ea_inode feature a large value is the content of an inode of its own.
    private static byte[] ReadValue(ExtVolume volume, uint number, int sizeBytes)
    {
        ExtInode inode = volume.Inode(number);
        if (inode.SizeBytes != sizeBytes || inode.HasInlineData)
            throw new FileSystemFormatException($"ext: inode {number} does not hold the extended attribute that it should");
        var value = new byte[sizeBytes];
        using var content = new ExtFileContent(volume, ExtBlockMap.Of(volume, inode), sizeBytes);
        content.ReadAt(0, value);
        return value;
    }

    private static string? Prefix(int index) => index switch
    {
        1 => "user.",
        IndexAccessAcl => "system.posix_acl_access",
        IndexDefaultAcl => "system.posix_acl_default",
        4 => "trusted.",
        6 => "security.",
        IndexSystem => "system.",
        8 => "system.richacl",
        _ => null,
    };

    // ext keeps version 1 (entries of users and groups have an id); the system calls give version 2 (all have). fs/ext4/acl.h.
    private static byte[] AsLinuxGivesIt(byte[] acl)
    {
        const int tagUser = 2, tagGroup = 8;
        if (acl.Length < 4 || LittleEndian.UInt32(acl, 0) != 1)
            throw new FileSystemFormatException("ext: an access control list is not of version 1");
        var result = new List<byte> { 2, 0, 0, 0 };
        for (int at = 4; at < acl.Length;)
        {
            ushort tag = LittleEndian.UInt16(acl, at);
            bool hasId = tag is tagUser or tagGroup;
            ReadOnlySpan<byte> entry = StructureBounds.Field(acl, at, hasId ? 8 : 4);
            for (int i = 0; i < 8; i++)
                result.Add(i < entry.Length ? entry[i] : (byte)0xFF);
            at += entry.Length;
        }
        return result.ToArray();
    }
}
