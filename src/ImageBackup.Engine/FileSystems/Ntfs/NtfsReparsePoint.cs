using System;
using System.Text;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>A reparse point ("MS-FSCC", section 2.1.2): a tag, and the data that its driver keeps.</summary>
internal sealed class NtfsReparsePoint
{
    public const int MaxLengthBytes = 16 << 10;

    private const uint TagMountPoint = 0xA0000003;
    private const uint TagSymbolicLink = 0xA000000C;
    private const uint TagUnixLink = 0xA000001D;
    private const uint TagUnixSocket = 0x80000023;
    private const uint TagUnixFifo = 0x80000024;
    private const uint TagUnixCharacter = 0x80000025;
    private const uint TagUnixBlock = 0x80000026;
    private const uint TagDeduplicated = 0x80000013;
    private const uint TagSingleInstance = 0x80000007;
    private const uint TagStorageManager = 0xC0000004;
    private const uint TagCompressed = 0x80000017;
    private const uint TagCloud = 0x9000001A;
    private const uint CloudMask = 0xFFFF0FFF;

    // Recall on opening, recall on reading, offline: the content is elsewhere.
    private const uint AttributesOfAbsentContent = 0x00001000 | 0x00040000 | 0x00400000;

    private readonly byte[] _bytes;

    /// <exception cref="FileSystemFormatException">Too short.</exception>
    public NtfsReparsePoint(byte[] bytes)
    {
        _bytes = bytes;
        Tag = LittleEndian.UInt32(bytes, 0);
    }

    public uint Tag { get; }

    /// <summary>Compressed by the filter of Windows' own files (WOF): the content is in another stream.</summary>
    public bool IsCompressed => Tag == TagCompressed;

    private ReadOnlySpan<byte> Data => StructureBounds.Field(_bytes, 8, LittleEndian.UInt16(_bytes, 4));

    public FileTreeKind Kind(bool isDirectory) => Tag switch
    {
        TagMountPoint or TagSymbolicLink or TagUnixLink => FileTreeKind.SymbolicLink,
        TagUnixSocket => FileTreeKind.Socket,
        TagUnixFifo => FileTreeKind.Fifo,
        TagUnixCharacter => FileTreeKind.CharacterDevice,
        TagUnixBlock => FileTreeKind.BlockDevice,
        _ => isDirectory ? FileTreeKind.Directory : FileTreeKind.File,
    };

    /// <summary>Why a file's content cannot be read; null if it can.</summary>
    public string? Refusal(uint attributes)
    {
        if (Tag == TagCompressed || (Tag & CloudMask) == TagCloud && (attributes & AttributesOfAbsentContent) == 0)
            return null;
        string name = Tag switch
        {
            TagDeduplicated => "it is deduplicated by Windows Server",
            TagSingleInstance => "it is held by the single-instance store",
            TagStorageManager => "its content was moved by a storage manager",
            _ when (Tag & CloudMask) == TagCloud => "its content is in a cloud",
            _ => "only the driver of its reparse point can",
        };
        return $"{name} (reparse tag 0x{Tag:X8})";
    }

    /// <summary>The target of a link as it is shown: without the prefix of the kernel's names.</summary>
    /// <exception cref="FileSystemFormatException">Damaged.</exception>
    public string ReadTarget()
    {
        ReadOnlySpan<byte> data = Data;
        if (Tag == TagUnixLink)
            return UnixFileName.Decode(data.Slice(Math.Min(4, data.Length)));
        int namesOffset = Tag == TagSymbolicLink ? 12 : 8;
        string shown = Name(data, namesOffset, 4);
        if (shown.Length > 0)
            return shown;
        string target = Name(data, namesOffset, 0);
        return target.StartsWith(@"\??\", StringComparison.Ordinal) ? target.Substring(4) : target;
    }

    /// <summary>How a compressed file is compressed, and in chunks of how many bytes.</summary>
    /// <exception cref="FileSystemFormatException">In a way that is not read, which the message names.</exception>
    public (bool IsLzx, int ChunkBytes) ReadCompression()
    {
        ReadOnlySpan<byte> data = Data;
        uint provider = LittleEndian.UInt32(data, 4);
        if (LittleEndian.UInt32(data, 0) != 1 || provider != 2)
            throw new FileSystemFormatException($"NTFS: the file's content is in another file, a Windows image (WOF provider {provider})");
        uint algorithm = LittleEndian.UInt32(data, 12);
        if (LittleEndian.UInt32(data, 8) != 1 || algorithm > 3)
            throw new FileSystemFormatException($"NTFS: the file is compressed by WOF in an unknown way ({algorithm})");
        return algorithm switch { 0 => (false, 4 << 10), 1 => (true, Lzx.ChunkBytes), 2 => (false, 8 << 10), _ => (false, 16 << 10) };
    }

    private static string Name(ReadOnlySpan<byte> data, int namesOffset, int fieldOffset)
    {
        int offset = LittleEndian.UInt16(data, fieldOffset);
        int length = LittleEndian.UInt16(data, fieldOffset + 2) & ~1;
        return Encoding.Unicode.GetString(StructureBounds.Field(data, namesOffset + offset, length).ToArray());
    }
}
