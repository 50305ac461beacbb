using System;
using System.Collections.Generic;
using System.Text;

namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>Reads the fields of one frame in their order. Bytes of any kind give the documented exception and nothing else.</summary>
public sealed class FrameReader(byte[] bytes)
{
    /// <summary>A text with a byte that is not UTF-8 was not written by us.</summary>
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private int _at = 1;

    public MessageKind Kind => (MessageKind)bytes[0];

    /// <exception cref="ProtocolException">The frame ends before it.</exception>
    public int ReadInt32()
    {
        int at = Take(4);
        return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
    }

    /// <exception cref="ProtocolException">As above.</exception>
    public long ReadInt64() => (uint)ReadInt32() | (long)ReadInt32() << 32;

    /// <exception cref="ProtocolException">As above, or neither 0 nor 1.</exception>
    public bool ReadBoolean() => bytes[Take(1)] switch
    {
        0 => false,
        1 => true,
        byte other => throw new ProtocolException($"a truth value of {other}"),
    };

    /// <exception cref="ProtocolException">The frame ends before it.</exception>
    public Guid ReadGuid()
    {
        byte[] value = new byte[16];
        Array.Copy(bytes, Take(16), value, 0, 16);
        return new Guid(value);
    }

    /// <exception cref="ProtocolException">The frame ends before it, or it is not UTF-8.</exception>
    public string ReadText()
    {
        int length = ReadInt32();
        int at = Take(length);
        try
        {
            return s_strict.GetString(bytes, at, length);
        }
        catch (ArgumentException)
        {
            throw new ProtocolException("a text that is not UTF-8");
        }
    }

    /// <exception cref="ProtocolException">The count is larger than the rest of the frame could hold.</exception>
    public IReadOnlyList<T> ReadAll<T>(Func<FrameReader, T> one)
    {
        int count = ReadInt32();
        // Every element has at least one byte.
        if (count < 0 || count > bytes.Length - _at)
            throw new ProtocolException($"a list of {count} in a frame of {bytes.Length} bytes");
        var list = new List<T>();
        for (int i = 0; i < count; i++)
            list.Add(one(this));
        return list;
    }

    /// <summary>Nothing may follow the last field.</summary>
    /// <exception cref="ProtocolException">Something does.</exception>
    public void End()
    {
        if (_at != bytes.Length)
            throw new ProtocolException($"{bytes.Length - _at} bytes after the last field of a message {(byte)Kind}");
    }

    private int Take(int count)
    {
        if (count < 0 || count > bytes.Length - _at)
            throw new ProtocolException($"a message {(byte)Kind} of {bytes.Length} bytes is too short for its fields");
        int at = _at;
        _at += count;
        return at;
    }
}
