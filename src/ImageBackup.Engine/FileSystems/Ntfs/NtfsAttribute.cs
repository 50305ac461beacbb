using System;
using System.Text;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>The attribute types that the reader looks at.</summary>
internal enum NtfsAttributeType : uint
{
    StandardInformation = 0x10,
    AttributeList = 0x20,
    FileName = 0x30,
    SecurityDescriptor = 0x50,
    VolumeName = 0x60,
    VolumeInformation = 0x70,
    Data = 0x80,
    IndexRoot = 0x90,
    IndexAllocation = 0xA0,
    Bitmap = 0xB0,
    ReparsePoint = 0xC0,
    ExtendedAttributes = 0xE0,
    End = 0xFFFFFFFF,
}

/// <summary>One attribute record inside a file record: a view of its bytes, header included.</summary>
internal readonly struct NtfsAttribute(ReadOnlyMemory<byte> bytes)
{
    private const int ResidentHeaderBytes = 0x18;
    private const int NonResidentHeaderBytes = 0x40;

    private ReadOnlySpan<byte> Bytes => bytes.Span;

    public NtfsAttributeType Type => (NtfsAttributeType)LittleEndian.UInt32(Bytes, 0);
    public bool IsNonResident => LittleEndian.UInt8(Bytes, 8) != 0;

    /// <summary>Compressed (0x00FF) or encrypted (0x4000): the bytes on disk are not the file's.</summary>
    public bool IsTransformed => (LittleEndian.UInt16(Bytes, 0xC) & 0x40FF) != 0;

    public bool IsCompressed => (LittleEndian.UInt16(Bytes, 0xC) & 0x00FF) != 0;
    public bool IsEncrypted => (LittleEndian.UInt16(Bytes, 0xC) & 0x4000) != 0;

    /// <summary>Empty: it has none.</summary>
    public string Name =>
        Encoding.Unicode.GetString(StructureBounds.Field(Bytes, LittleEndian.UInt16(Bytes, 0xA), LittleEndian.UInt8(Bytes, 9) * 2).ToArray());

    /// <summary>Whether it begins here: an attribute that does not fit its record goes on in others.</summary>
    public bool IsBegin => !IsNonResident || LowestVcn == 0;

    public bool HasName(string name)
    {
        int lengthBytes = LittleEndian.UInt8(Bytes, 9) * 2;
        if (lengthBytes != name.Length * 2)
            return false;
        ReadOnlySpan<byte> stored = StructureBounds.Field(Bytes, LittleEndian.UInt16(Bytes, 0xA), lengthBytes);
        return lengthBytes == 0 || Encoding.Unicode.GetString(stored.ToArray()) == name;
    }

    /// <summary>The value of a resident attribute.</summary>
    public ReadOnlyMemory<byte> Value
    {
        get
        {
            if (IsNonResident)
                throw new FileSystemFormatException("NTFS: an attribute that must be resident is not");
            uint length = LittleEndian.UInt32(Bytes, 0x10);
            int offset = LittleEndian.UInt16(Bytes, 0x14);
            if (offset < ResidentHeaderBytes || offset > bytes.Length || length > (uint)(bytes.Length - offset))
                throw new FileSystemFormatException("NTFS: an attribute's value lies outside its record");
            return bytes.Slice(offset, (int)length);
        }
    }

    public long LowestVcn => LittleEndian.Int63(Bytes, 0x10);

    /// <summary>-1 if nothing is allocated.</summary>
    public long HighestVcn => (long)LittleEndian.UInt64(Bytes, 0x18);

    /// <summary>The exponent of the clusters that are compressed together; 0: not compressed.</summary>
    public int CompressionUnitShift => LittleEndian.UInt8(Bytes, 0x22);

    /// <summary>The clusters that it has, in bytes: without holes if it may have such.</summary>
    public long AllocatedSizeBytes =>
        LittleEndian.Int63(Bytes, (LittleEndian.UInt16(Bytes, 0xC) & 0x80FF) != 0 ? 0x40 : 0x28);

    /// <summary>The length of the content, resident or not.</summary>
    public long ContentBytes => IsNonResident ? DataSizeBytes : LittleEndian.UInt32(Bytes, 0x10);

    public long DataSizeBytes => LittleEndian.Int63(Bytes, 0x30);
    public long InitializedSizeBytes => LittleEndian.Int63(Bytes, 0x38);

    /// <summary>The encoded runs of a non-resident attribute.</summary>
    public ReadOnlySpan<byte> MappingPairs
    {
        get
        {
            int offset = LittleEndian.UInt16(Bytes, 0x20);
            if (offset < NonResidentHeaderBytes || offset > bytes.Length)
                throw new FileSystemFormatException("NTFS: an attribute's runs lie outside its record");
            return Bytes.Slice(offset);
        }
    }
}
