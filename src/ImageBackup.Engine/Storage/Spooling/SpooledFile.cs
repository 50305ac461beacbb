using System;
using System.IO;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Storage.Spooling;

/// <summary>
/// A file that waits on this machine until it is sent to a server as a whole, and may be sent again: a pack is not held in memory.
/// What is in it is sealed already. The system removes it when this process ends, however it ends. One thread at a time.
/// </summary>
internal sealed class SpooledFile : IDisposable
{
    private readonly FileStream _stream;

    /// <exception cref="IOException">The temporary directory is full or cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The temporary directory may not be written.</exception>
    public SpooledFile()
    {
        string path = Path.Combine(Path.GetTempPath(), $"imagebackup-upload-{Guid.NewGuid():N}");
        _stream = DurableFiles.CreateSpool(path);
        // Windows removes it at the last close; elsewhere a file without a name lives as long as its handle.
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            File.Delete(path);
    }

    public long LengthBytes { get; private set; }

    public void Append(byte[] buffer, int offset, int countBytes)
    {
        _stream.Write(buffer, offset, countBytes);
        LengthBytes += countBytes;
    }

    /// <summary>The content from its beginning; what was given out before is not used any more. Disposing it leaves the file.</summary>
    public Stream Open()
    {
        _stream.Flush();
        _stream.Position = 0;
        return new Content(_stream, LengthBytes);
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>A reader that leaves the file open.</summary>
    private sealed class Content(FileStream file, long lengthBytes) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => true;
        public override bool CanWrite => false;
        public override long Length => lengthBytes;
        public override long Position { get => file.Position; set => file.Position = value; }

        public override int Read(byte[] buffer, int offset, int count) => file.Read(buffer, offset, count);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
