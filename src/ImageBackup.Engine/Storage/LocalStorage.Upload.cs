using System;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Platform.Termination;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Storage;

/// <content>A file being written.</content>
internal sealed partial class LocalStorage
{
    private sealed class LocalUpload(LocalStorage storage, StoredKind kind, string temporaryPath, IFileWriter writer, ExitUndo exit) : IStorageUpload
    {
        /// <summary>So often the system is asked to begin writing.</summary>
        private const int WritebackBytes = 4 << 20;

        private bool _failed;
        private bool _committed;
        private bool _renamed;

        public long LengthBytes { get; private set; }

        public void Append(byte[] buffer, int offset, int countBytes, CancellationToken cancellation) => Once(() =>
        {
            writer.Append(buffer, offset, countBytes);
            if (LengthBytes / WritebackBytes != (LengthBytes + countBytes) / WritebackBytes)
                writer.BeginWriteback();
            LengthBytes += countBytes;
        });

        public void Commit(string name, CancellationToken cancellation) => Once(() =>
        {
            writer.Flush();
            if (kind == StoredKind.Pack)
                writer.DropCache();
            writer.Dispose();
            IFileSteps steps = storage._steps;
            string path = storage.PathOf(kind, name);
            string directory = Path.GetDirectoryName(path)!;
            // The config is the last file of a new repository: its place is there, or the share has gone.
            storage.MakePlace(directory);
            if (AttributesOf(path) is { } attributes)
            {
                if ((attributes & (FileAttributes.Directory | FileAttributes.ReparsePoint)) != 0)
                    throw new NotRegularFileException(path, (attributes & FileAttributes.ReparsePoint) != 0 ? "a link" : "a directory");
                // Names are content hashes: a file of the name has our content.
                steps.Delete(temporaryPath);
            }
            else
            {
                steps.Move(temporaryPath, path);
            }
            _renamed = true;
            exit.Cancel();
            steps.SyncDirectory(directory);
            _committed = true;
        });

        public void Dispose()
        {
            if (_committed || _renamed)
            {
                writer.Dispose();
                return;
            }
            try
            {
                // A program that is being started at this moment holds a copy of the handle, and with it the space, which
                // a full disk's index is waiting for.
                writer.Truncate();
            }
            catch (IOException)
            {
            }
            try
            {
                writer.Dispose();
                storage._steps.Delete(temporaryPath);
            }
            catch (IOException)
            {
                // Left for RemoveAbandonedUploads.
            }
            catch (UnauthorizedAccessException)
            {
            }
            exit.Cancel();
        }

        /// <summary>A writer that failed once refuses further use: a failed flush does not tell what it lost.</summary>
        private void Once(Action action)
        {
            if (_failed || _committed)
                throw new StorageException(StorageProblem.WriteError, temporaryPath, "The file's writer has failed or ended before.");
            _failed = true;
            Guard(temporaryPath, isWrite: true, () =>
            {
                action();
                return true;
            });
            _failed = false;
        }
    }
}
