using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>Builds one frame: its length, its kind and its fields. Numbers are little-endian.</summary>
public sealed class FrameWriter
{
    private readonly MemoryStream _bytes = new();

    public FrameWriter(MessageKind kind)
    {
        Add(0);
        _bytes.WriteByte((byte)kind);
    }

    public FrameWriter Add(int value)
    {
        for (int shift = 0; shift < 32; shift += 8)
            _bytes.WriteByte((byte)(value >> shift));
        return this;
    }

    public FrameWriter Add(long value) => Add((int)value).Add((int)(value >> 32));

    public FrameWriter Add(bool value)
    {
        _bytes.WriteByte(value ? (byte)1 : (byte)0);
        return this;
    }

    public FrameWriter Add(Guid value)
    {
        _bytes.Write(value.ToByteArray(), 0, 16);
        return this;
    }

    public FrameWriter Add(string value)
    {
        byte[] text = Encoding.UTF8.GetBytes(value);
        Add(text.Length);
        _bytes.Write(text, 0, text.Length);
        return this;
    }

    public FrameWriter AddAll<T>(IReadOnlyCollection<T> values, Action<FrameWriter, T> add)
    {
        Add(values.Count);
        foreach (T value in values)
            add(this, value);
        return this;
    }

    /// <exception cref="ProtocolException">It is longer than a frame may be.</exception>
    public byte[] ToBytes()
    {
        byte[] frame = _bytes.ToArray();
        int length = frame.Length - 4;
        if (length > FrameStream.MaxFrameBytes)
            throw new ProtocolException($"a message of {length} bytes is longer than the {FrameStream.MaxFrameBytes} that a frame may have");
        for (int i = 0; i < 4; i++)
            frame[i] = (byte)(length >> (8 * i));
        return frame;
    }
}
