using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>A file record of the master file table, its protection taken off and its bounds checked.</summary>
internal sealed class NtfsFileRecord
{
    private const int MinHeaderBytes = 0x2A;
    private readonly byte[] _bytes;

    private NtfsFileRecord(byte[] bytes) => _bytes = bytes;

    public ushort SequenceNumber => LittleEndian.UInt16(_bytes, 0x10);
    /// <summary>Names of the file, those in the DOS namespace counted too.</summary>
    public int NameCount => LittleEndian.UInt16(_bytes, 0x12);
    public bool IsInUse => (LittleEndian.UInt16(_bytes, 0x16) & 1) != 0;
    public bool IsDirectory => (LittleEndian.UInt16(_bytes, 0x16) & 2) != 0;

    /// <summary>Number of the record that this one extends; 0 with <see cref="IsExtension"/> false: none.</summary>
    public long BaseRecord => (long)(LittleEndian.UInt64(_bytes, 0x20) & NtfsFileReference.NumberMask);
    public bool IsExtension => LittleEndian.UInt64(_bytes, 0x20) != 0;

    /// <param name="bytes">The record as read; changed in place.</param>
    /// <param name="number">For messages.</param>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public static NtfsFileRecord Parse(byte[] bytes, long number)
    {
        string what = $"file record {number}";
        NtfsMultiSector.Restore(bytes, "FILE"u8, what);
        uint usedBytes = LittleEndian.UInt32(bytes, 0x18);
        int firstAttribute = LittleEndian.UInt16(bytes, 0x14);
        if (usedBytes > (uint)bytes.Length || firstAttribute < MinHeaderBytes || firstAttribute > usedBytes)
            throw new FileSystemFormatException($"NTFS: {what} has bad lengths");
        return new NtfsFileRecord(bytes);
    }

    /// <summary>The attributes in their stored order.</summary>
    /// <exception cref="FileSystemFormatException">An attribute reaches out of the record.</exception>
    public IEnumerable<NtfsAttribute> Attributes()
    {
        int offset = LittleEndian.UInt16(_bytes, 0x14);
        int end = (int)LittleEndian.UInt32(_bytes, 0x18);
        while (offset + 4 <= end && LittleEndian.UInt32(_bytes, offset) != (uint)NtfsAttributeType.End)
        {
            uint length = LittleEndian.UInt32(_bytes, offset + 4);
            if (length < 0x18 || (length & 7) != 0 || length > (uint)(end - offset))
                throw new FileSystemFormatException("NTFS: an attribute reaches out of its file record");
            yield return new NtfsAttribute(_bytes.AsMemory(offset, (int)length));
            offset += (int)length;
        }
    }

    public NtfsAttribute? Find(NtfsAttributeType type, string name = "")
    {
        foreach (NtfsAttribute attribute in Attributes())
        {
            if (attribute.Type == type && attribute.HasName(name))
                return attribute;
        }
        return null;
    }
}

/// <summary>A reference to a file record: 48 bits of number, 16 of sequence.</summary>
internal readonly record struct NtfsFileReference(ulong Value)
{
    public const ulong NumberMask = 0x0000_FFFF_FFFF_FFFF;

    public long Number => (long)(Value & NumberMask);
    public ushort Sequence => (ushort)(Value >> 48);
}
