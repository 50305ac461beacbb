using System;
using System.IO;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.Items;

/// <summary>A file of an image as a stream for reading.</summary>
internal sealed class ItemStream(ISparseBlockReader data) : Stream
{
    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => data.LengthBytes;
    public override long Position { get; set; }

    public override int Read(byte[] buffer, int offset, int count)
    {
        int read = data.ReadAt(Position, buffer.AsSpan(offset, count));
        Position += read;
        return read;
    }

    public override long Seek(long offset, SeekOrigin origin) =>
        Position = offset + (origin == SeekOrigin.Begin ? 0 : origin == SeekOrigin.Current ? Position : Length);

    public override void Flush()
    {
        // Nothing is written.
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            data.Dispose();
        base.Dispose(disposing);
    }
}
