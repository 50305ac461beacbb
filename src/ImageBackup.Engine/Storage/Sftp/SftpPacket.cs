using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace ImageBackup.Engine.Storage.Sftp;

/// <summary>The numbers of SFTP, version 3 (draft-ietf-secsh-filexfer-02).</summary>
internal static class SftpNumbers
{
    public const byte Init = 1, Version = 2, Open = 3, Close = 4, Read = 5, Write = 6, Lstat = 7, OpenDirectory = 11, ReadDirectory = 12, Remove = 13,
        MakeDirectory = 14, Rename = 18, Extended = 200;

    public const byte Status = 101, Handle = 102, Data = 103, Names = 104, Attributes = 105, ExtendedReply = 201;

    public const uint Ok = 0, EndOfFile = 1, NoSuchFile = 2, PermissionDenied = 3, Failure = 4, Unsupported = 8;

    public const uint ReadFlag = 1, WriteFlag = 2, CreateFlag = 8, TruncateFlag = 16, ExclusiveFlag = 32;

    public const uint SizeAttribute = 1, OwnerAttribute = 2, PermissionsAttribute = 4, TimesAttribute = 8, ExtendedAttribute = 0x80000000;

    public const uint TypeMask = 0xF000, RegularFile = 0x8000, Directory = 0x4000;
}

/// <summary>A request as it is written: numbers are big-endian, texts and bytes have their length before them.</summary>
internal sealed class SftpRequest(byte type)
{
    private byte[] _content = new byte[128];
    private int _lengthBytes;

    public byte Type => type;

    public SftpRequest Number(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Next(4), value);
        return this;
    }

    public SftpRequest Long(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Next(8), value);
        return this;
    }

    public SftpRequest Text(string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        return Bytes(bytes, bytes.Length);
    }

    public SftpRequest Bytes(byte[] value, int countBytes)
    {
        Number((uint)countBytes);
        value.AsSpan(0, countBytes).CopyTo(Next(countBytes));
        return this;
    }

    private Span<byte> Next(int countBytes)
    {
        if (_lengthBytes + countBytes > _content.Length)
            Array.Resize(ref _content, Math.Max(_content.Length * 2, _lengthBytes + countBytes));
        _lengthBytes += countBytes;
        return _content.AsSpan(_lengthBytes - countBytes, countBytes);
    }

    /// <summary>The whole packet.</summary>
    public byte[] ToPacket(uint id)
    {
        int bodyBytes = 5 + _lengthBytes;
        byte[] packet = new byte[4 + bodyBytes];
        BinaryPrimitives.WriteUInt32BigEndian(packet, (uint)bodyBytes);
        packet[4] = type;
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(5), id);
        _content.AsSpan(0, _lengthBytes).CopyTo(packet.AsSpan(9));
        return packet;
    }
}

/// <summary>An answer as it is read. What does not fit into it is an InvalidDataException. One thread at a time.</summary>
/// <param name="type">What it is.</param>
/// <param name="content">Its bytes; may be longer.</param>
/// <param name="lengthBytes">How many of them are its own.</param>
/// <param name="isPooled">The array goes back once a buffer was filled with what it holds (<see cref="CopyTo"/>); if that never happens it is garbage.</param>
internal sealed class SftpReply(byte type, byte[] content, int lengthBytes, bool isPooled)
{
    private byte[] _content = content;
    private int _lengthBytes = lengthBytes;
    private int _at;

    public byte Type => type;

    public int LeftBytes => _lengthBytes - _at;

    public uint Number()
    {
        Need(4);
        uint value = BinaryPrimitives.ReadUInt32BigEndian(_content.AsSpan(_at));
        _at += 4;
        return value;
    }

    public ulong Long()
    {
        Need(8);
        ulong value = BinaryPrimitives.ReadUInt64BigEndian(_content.AsSpan(_at));
        _at += 8;
        return value;
    }

    public string Text()
    {
        int countBytes = Count();
        string text = Encoding.UTF8.GetString(_content, _at, countBytes);
        _at += countBytes;
        return text;
    }

    public byte[] Bytes()
    {
        byte[] bytes = new byte[Count()];
        Buffer.BlockCopy(_content, _at, bytes, 0, bytes.Length);
        _at += bytes.Length;
        return bytes;
    }

    /// <summary>Copies the answer's last bytes into a buffer; returns how many. Nothing can be read of the answer any more.</summary>
    public int CopyTo(byte[] buffer, int offset, int mostBytes)
    {
        int countBytes = Count();
        if (countBytes > mostBytes)
            throw new InvalidDataException("More came than was asked for.");
        Buffer.BlockCopy(_content, _at, buffer, offset, countBytes);
        byte[] emptied = _content;
        (_content, _lengthBytes, _at) = ([], 0, 0);
        if (isPooled)
            ArrayPool<byte>.Shared.Return(emptied);
        return countBytes;
    }

    public SftpAttributes Attributes()
    {
        uint flags = Number();
        long? lengthBytes = (flags & SftpNumbers.SizeAttribute) != 0 ? (long)Math.Min(Long(), long.MaxValue) : null;
        if ((flags & SftpNumbers.OwnerAttribute) != 0)
            _ = Long();
        uint? mode = (flags & SftpNumbers.PermissionsAttribute) != 0 ? Number() : null;
        uint? modified = null;
        if ((flags & SftpNumbers.TimesAttribute) != 0)
        {
            _ = Number();
            modified = Number();
        }
        if ((flags & SftpNumbers.ExtendedAttribute) != 0)
        {
            for (uint left = Number(); left > 0; left--)
            {
                _ = Bytes();
                _ = Bytes();
            }
        }
        return new SftpAttributes(lengthBytes, mode, modified);
    }

    private int Count()
    {
        uint countBytes = Number();
        if (countBytes > LeftBytes)
            throw new InvalidDataException("A field is longer than its packet.");
        return (int)countBytes;
    }

    private void Need(int countBytes)
    {
        if (LeftBytes < countBytes)
            throw new InvalidDataException("A packet ends before its fields.");
    }
}

/// <summary>What a server says of a file.</summary>
/// <param name="LengthBytes">Null: it does not say.</param>
/// <param name="Mode">As stat's; null: it does not say.</param>
/// <param name="ModifiedSeconds">Since 1970; null: it does not say.</param>
internal readonly record struct SftpAttributes(long? LengthBytes, uint? Mode, uint? ModifiedSeconds)
{
    /// <summary>Not a link, a pipe or a directory, as far as the server says.</summary>
    public bool IsRegular => Mode is null || (Mode & SftpNumbers.TypeMask) is SftpNumbers.RegularFile or 0;

    public bool IsDirectory => Mode is { } mode && (mode & SftpNumbers.TypeMask) == SftpNumbers.Directory;
}

/// <summary>A refusal that the server told.</summary>
internal sealed class SftpRefusal(uint code, string said) : Exception(said)
{
    public uint Code => code;
}
