using System;
using System.IO;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>A file read at offsets from any thread; what was read leaves the system's cache with it.</summary>
internal sealed partial class PositionedFile : IDisposable
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
            int count = ReadSome(offsetBytes + done, buffer, done, countBytes - done);
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
