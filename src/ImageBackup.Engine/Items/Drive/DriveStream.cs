using System;
using System.IO;

namespace ImageBackup.Engine.Items.Drive;

/// <summary>A file's content that keeps its image open. Failures are the drive's errors.</summary>
internal sealed class DriveStream(DriveLease lease, Stream content, Func<Exception, Exception> explain) : Stream
{
    /// <summary>Get-FileHash, for one, disposes of no stream that it was given.</summary>
    ~DriveStream() => lease.Dispose();

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => content.Length;

    public override long Position
    {
        get => content.Position;
        set => content.Position = value;
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            return content.Read(buffer, offset, count);
        }
        catch (Exception e) when (explain(e) is var known && !ReferenceEquals(known, e))
        {
            throw known;
        }
    }

    public override long Seek(long offset, SeekOrigin origin) => content.Seek(offset, origin);

    public override void Flush()
    {
        // Nothing is written.
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            content.Dispose();
            lease.Dispose();
        }
        base.Dispose(disposing);
    }
}
