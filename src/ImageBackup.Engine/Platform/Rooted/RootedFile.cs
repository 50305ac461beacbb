using System;
using System.Collections.Generic;
using System.IO;

namespace ImageBackup.Engine.Platform.Rooted;

/// <summary>A new file that is being written.</summary>
internal abstract class RootedFile : IDisposable
{
    /// <exception cref="IOException">It cannot be written.</exception>
    public abstract void WriteAt(long offsetBytes, byte[] buffer, int countBytes);

    /// <exception cref="IOException">The disk has no room for it, or the file system no files so long.</exception>
    public abstract void SetLength(long lengthBytes);

    /// <summary>Sets what there is to set, after the last write.</summary>
    /// <returns>What could not be set; empty if all was.</returns>
    public abstract IReadOnlyList<string> Set(RestoredMetadata metadata);

    protected virtual void Dispose(bool disposing)
    {
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }
}
