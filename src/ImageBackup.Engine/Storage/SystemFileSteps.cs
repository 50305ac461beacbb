using System.IO;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Storage;

/// <summary>The steps as the operating system takes them, below one directory; no link below it is followed.</summary>
internal sealed class SystemFileSteps(string root) : IFileSteps
{
    private readonly RootedFiles _files = new(root);

    public void CreateDirectory(string path) => DurableFiles.CreatePrivateDirectory(path);

    public IFileWriter CreateFile(string path) => new Writer(_files.Create(path, bufferSizeBytes: 0));

    public void Move(string from, string to) => _files.Move(from, to);

    public void Delete(string path) => _files.Delete(path);

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
