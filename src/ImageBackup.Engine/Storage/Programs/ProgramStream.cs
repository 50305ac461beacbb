using System;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace ImageBackup.Engine.Storage.Programs;

/// <summary>A program's two pipes as one connection. Disposing it ends the program.</summary>
[SuppressMessage("Performance", "CA1844", Justification = "netstandard2.0 has no other.")]
internal sealed class ProgramStream(ServerProgram program) : Stream
{
    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => program.Output.Read(buffer, offset, count);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        program.Output.ReadAsync(buffer, offset, count, cancellationToken);

    public override void Write(byte[] buffer, int offset, int count) => program.Input.Write(buffer, offset, count);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        program.Input.WriteAsync(buffer, offset, count, cancellationToken);

    public override void Flush() => program.Input.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => program.Input.FlushAsync(cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            program.Dispose();
        base.Dispose(disposing);
    }
}
