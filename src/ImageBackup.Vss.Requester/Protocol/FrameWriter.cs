using System;
using System.Collections.Generic;
using System.Text;

namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>Builds one frame: its length, its kind and its fields. Numbers are little-endian.</summary>
public sealed class FrameWriter
{
    private byte[] _bytes = new byte[256];
    private int _count;

    public FrameWriter(MessageKind kind)
    {
        Add(0);
        Put((byte)kind);
    }

    public FrameWriter Add(int value)
    {
        for (int shift = 0; shift < 32; shift += 8)
            Put((byte)(value >> shift));
        return this;
    }

    public FrameWriter Add(long value) => Add((int)value).Add((int)(value >> 32));

    public FrameWriter Add(bool value)
    {
        Put(value ? (byte)1 : (byte)0);
        return this;
    }

    public FrameWriter Add(Guid value)
    {
        Put(value.ToByteArray());
        return this;
    }

    public FrameWriter Add(string value)
    {
        byte[] text = Encoding.UTF8.GetBytes(value);
        Add(text.Length);
        Put(text);
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
        int length = _count - 4;
        if (length > FramePipe.MaxFrameBytes)
            throw new ProtocolException($"a message of {length} bytes is longer than the {FramePipe.MaxFrameBytes} that a frame may have");
        byte[] frame = new byte[_count];
        Array.Copy(_bytes, frame, _count);
        for (int i = 0; i < 4; i++)
            frame[i] = (byte)(length >> (8 * i));
        return frame;
    }

    private void Put(params byte[] bytes)
    {
        if (bytes.Length > _bytes.Length - _count)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _count + bytes.Length));
        Array.Copy(bytes, 0, _bytes, _count, bytes.Length);
        _count += bytes.Length;
    }
}
