using System;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Storage.Spooling;

/// <summary>Sends a whole file; called again after a failure.</summary>
/// <param name="name">Its final name.</param>
/// <param name="lengthBytes">Its length.</param>
/// <param name="open">Opens its content anew.</param>
/// <param name="cancellation">Ends it at once.</param>
internal delegate void SendFile(string name, long lengthBytes, Func<Stream> open, CancellationToken cancellation);

/// <summary>An upload that waits in a file of this machine and is sent at its commit, which may be tried again.</summary>
internal sealed class SpooledUpload(string shownStorage, SendFile send) : IStorageUpload
{
    private SpooledFile? _file;
    private bool _hasFailed;
    private bool _isCommitted;

    public long LengthBytes => _file?.LengthBytes ?? 0;

    public void Append(byte[] buffer, int offset, int countBytes, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ThrowIfEnded();
        try
        {
            _file ??= new SpooledFile();
            _file.Append(buffer, offset, countBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _hasFailed = true;
            throw Failure(e);
        }
    }

    public void Commit(string name, CancellationToken cancellation)
    {
        ThrowIfEnded();
        try
        {
            send(name, LengthBytes, () => _file?.Open() ?? Stream.Null, cancellation);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _hasFailed = true;
            throw Failure(e);
        }
        _isCommitted = true;
        _file?.Dispose();
    }

    private StorageException Failure(Exception e) => new(
        e is IOException io && FileErrors.IsDiskFull(io) ? StorageProblem.Full : StorageProblem.WriteError,
        Path.GetTempPath(), $"A file that waits to be sent to {shownStorage} could not be kept in the temporary directory: {e.Message}", e)
    {
        IsPermanent = true,
    };

    private void ThrowIfEnded()
    {
        if (_isCommitted || _hasFailed)
            throw new StorageException(StorageProblem.WriteError, shownStorage, "The file's writer has failed or ended before.") { IsPermanent = true };
    }

    public void Dispose() => _file?.Dispose();
}
