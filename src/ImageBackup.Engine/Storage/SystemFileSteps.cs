using System.IO;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Storage;

/// <summary>The steps as the operating system takes them.</summary>
internal sealed class SystemFileSteps : IFileSteps
{
    public static SystemFileSteps Instance { get; } = new();

    public void CreateDirectory(string path) => DurableFiles.CreatePrivateDirectory(path);

    public IFileWriter CreateFile(string path) => new Writer(DurableFiles.CreatePrivateFile(path, bufferSizeBytes: 0));

    public void Move(string from, string to) => File.Move(from, to);

    public void Delete(string path)
    {
        // restic leaves its packs read-only; Windows then refuses to delete them.
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows) && File.Exists(path))
            File.SetAttributes(path, FileAttributes.Normal);
        File.Delete(path);
    }

    public void SyncDirectory(string path) => DurableFiles.SyncDirectory(path);

    private sealed class Writer(FileStream stream) : IFileWriter
    {
        public void Append(byte[] buffer, int offset, int countBytes) => stream.Write(buffer, offset, countBytes);

        public void BeginWriteback() => DurableFiles.BeginWriteback(stream);

        public void Flush() => stream.Flush(flushToDisk: true);

        public void DropCache() => PageCache.Drop(stream.SafeFileHandle);

        public void Truncate()
        {
            if (stream.CanWrite)
                stream.SetLength(0);
        }

        public void Dispose() => stream.Dispose();
    }
}
