using System;
using System.IO;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>A file read at offsets from any thread; what was read leaves the system's cache with it.</summary>
internal sealed class PositionedFile : IDisposable
{
    private readonly FileStream _stream;

    /// <exception cref="NotRegularFileException">It is something else, or a link.</exception>
    public PositionedFile(string path) => _stream = RegularFile.OpenRead(path);

    /// <summary>Reads up to the count; fewer only at the file's end.</summary>
    public int ReadAt(long offsetBytes, byte[] buffer, int countBytes)
    {
        int done = 0;
        while (done < countBytes)
        {
#if NET
            int count = RandomAccess.Read(_stream.SafeFileHandle, buffer.AsSpan(done, countBytes - done), offsetBytes + done);
#else
            int count;
            lock (_stream)
            {
                _stream.Position = offsetBytes + done;
                count = _stream.Read(buffer, done, countBytes - done);
            }
#endif
            if (count == 0)
                break;
            done += count;
        }
        return done;
    }

    public void Dispose()
    {
        PageCache.Drop(_stream.SafeFileHandle);
        _stream.Dispose();
    }
}
