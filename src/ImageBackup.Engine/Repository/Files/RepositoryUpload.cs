using System;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>
/// A file of the repository that is being written: <see cref="IStorageUpload"/>, with storage failures turned into errors that a
/// user can act on. One thread at a time.
/// </summary>
internal sealed class RepositoryUpload(RepositoryFiles files, StoredKind kind, IStorageUpload upload) : IDisposable
{
    public void Append(ArraySegment<byte> bytes)
    {
        // A file that is sent at its commit takes its time there.
        if (kind == StoredKind.Pack && !files.Traits.IsRemote)
            WorkPace.BeforeWrite(bytes.Count);
        try
        {
            upload.Append(bytes.Array!, bytes.Offset, bytes.Count, PendingCalls.Stop);
        }
        catch (StorageException e)
        {
            throw files.Translate(kind, e);
        }
    }

    /// <summary>Makes the file durable under its name. Called once.</summary>
    public void Commit(string name)
    {
        try
        {
            using ChangingCall call = PendingCalls.BeginChange();
            upload.Commit(name, call.Token);
        }
        catch (StorageException e)
        {
            throw files.Translate(kind, e);
        }
    }

    public void Dispose() => upload.Dispose();
}
