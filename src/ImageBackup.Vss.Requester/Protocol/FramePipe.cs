using System;
using System.IO;

namespace ImageBackup.Vss.Requester.Protocol;

/// <summary>Frames over a pair of pipes. One thread reads; any thread writes.</summary>
public sealed class FramePipe(Stream input, Stream output)
{
    /// <summary>The System Writer's metadata document has a few MiB.</summary>
    public const int MaxFrameBytes = 64 << 20;

    private const int Version = 1;
    private const string Magic = "ImageBackup.Vss";

    private readonly object _gate = new();

    /// <exception cref="IOException">The pipe is broken.</exception>
    /// <exception cref="ProtocolException">The frame is too long.</exception>
    public void Write(FrameWriter frame)
    {
        byte[] bytes = frame.ToBytes();
        lock (_gate)
        {
            output.Write(bytes, 0, bytes.Length);
            output.Flush();
        }
    }

    /// <summary>The next frame; null if the other end has closed the pipe between two frames.</summary>
    /// <exception cref="IOException">The pipe is broken, or ended within a frame.</exception>
    /// <exception cref="ProtocolException">The frame is empty or longer than one may be.</exception>
    public FrameReader? Read()
    {
        byte[] head = new byte[4];
        int got = Fill(head, 0, 4);
        if (got == 0)
            return null;
        if (got < 4)
            throw new EndOfStreamException("the pipe ended within a frame");
        int length = head[0] | head[1] << 8 | head[2] << 16 | head[3] << 24;
        if (length is <= 0 or > MaxFrameBytes)
            throw new ProtocolException($"a frame of {length} bytes");
        // Grown as the bytes come: a length alone takes no memory.
        byte[] bytes = new byte[Math.Min(length, 64 << 10)];
        for (int at = 0; at < length;)
        {
            if (at == bytes.Length)
                Array.Resize(ref bytes, (int)Math.Min(length, bytes.Length * 4L));
            int read = Fill(bytes, at, bytes.Length - at);
            at += read;
            if (at < bytes.Length)
                throw new EndOfStreamException("the pipe ended within a frame");
        }
        return new FrameReader(bytes);
    }

    /// <summary>The first frame of either end.</summary>
    /// <exception cref="IOException">As <see cref="Write"/>.</exception>
    public void SayHello() => Write(new FrameWriter(MessageKind.Hello).Add(Magic).Add(Version));

    /// <exception cref="IOException">The pipe ended.</exception>
    /// <exception cref="ProtocolException">The other end is not one of ours, or one of another version.</exception>
    public void ExpectHello()
    {
        FrameReader hello = Read() ?? throw new EndOfStreamException("the pipe ended before the first frame");
        if (hello.Kind != MessageKind.Hello || hello.ReadText() != Magic)
            throw new ProtocolException("the other end is not ImageBackup's");
        int version = hello.ReadInt32();
        if (version != Version)
            throw new ProtocolException($"the other end speaks version {version} of the protocol; this one speaks {Version}");
        hello.End();
    }

    private int Fill(byte[] bytes, int at, int count)
    {
        int total = 0;
        while (total < count)
        {
            int read = input.Read(bytes, at + total, count - total);
            if (read == 0)
                break;
            total += read;
        }
        return total;
    }
}
