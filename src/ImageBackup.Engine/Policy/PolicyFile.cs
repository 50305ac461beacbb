using System;
using System.IO;
using System.Security;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Policy;

/// <summary>
/// A small policy file on disk. Reading is bounded, and only of a file that no other user may have written. Writing is atomic and
/// durable: a temporary file beside it, flushed, with the old one's mode (a new one has 0644, whatever the umask), renamed over it,
/// and the directory flushed; a reader meanwhile sees the old or the new file, whole.
/// </summary>
internal static class PolicyFile
{
    /// <summary>Null if there is no such file.</summary>
    /// <exception cref="ImageBackupException">PolicyReadFailed, also for a file longer than the maximum; PolicyFileUnsafe.</exception>
    public static byte[]? TryRead(string path, int maximumBytes)
    {
        try
        {
            using FileStream stream = TrustedFile.OpenRead(path, FilePrivacy.Orders);
            using var content = new MemoryStream();
            var buffer = new byte[16384];
            int read;
            while ((read = stream.Read(buffer, 0, buffer.Length)) > 0)
            {
                // A pipe or a growing file has no length to check beforehand.
                if (content.Length + read > maximumBytes)
                    throw new ImageBackupException(ErrorId.PolicyReadFailed, $"{path} is longer than {maximumBytes} bytes.", path);
                content.Write(buffer, 0, read);
            }

            return content.ToArray();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (UntrustedFileException e)
        {
            throw new ImageBackupException(ErrorId.PolicyFileUnsafe, e.Message, path, e);
        }
        catch (Exception e) when (IsFileFault(e))
        {
            throw new ImageBackupException(ErrorId.PolicyReadFailed, $"{path} cannot be read: {e.Message}", path, e);
        }
    }

    /// <summary>Replaces or creates the file; its directory is created if it is missing.</summary>
    /// <param name="path">The file; a symbolic link stays and what it names is written.</param>
    /// <param name="bytes">The whole new content.</param>
    /// <param name="expected">What the file held when the edit began; null if there was none. Otherwise somebody else was faster.</param>
    /// <param name="maximumBytes">Bound for reading the file back for that comparison.</param>
    /// <exception cref="ImageBackupException">PolicyWriteFailed; PolicyFileUnsafe: it could not be relied on when it is read.</exception>
    public static void Write(string path, byte[] bytes, byte[]? expected, int maximumBytes)
    {
        string? temporary = null;
        try
        {
            var target = Path.GetFullPath(path);
            if (TrustedFile.PlaceComplaint(target) is { } complaint)
                throw new ImageBackupException(ErrorId.PolicyFileUnsafe, $"'{path}' is not written: {complaint}.", path);
            DurableFiles.CreateReadableDirectory(Path.GetDirectoryName(target)!);
            target = FileModes.FollowLink(target);
            var folder = Path.GetDirectoryName(target)!;
            using var guard = FileModes.TryLock(target + ".lock")
                ?? throw new ImageBackupException(ErrorId.PolicyWriteFailed, $"{path} is being written by another process.", path);
            if (!AreSame(TryRead(target, maximumBytes), expected))
                throw new ImageBackupException(ErrorId.PolicyWriteFailed, $"Another user changed {path} meanwhile. Run the command again.", path);

            temporary = target + "." + Guid.NewGuid().ToString("N") + ".tmp";
            using (var stream = DurableFiles.CreatePrivateFile(temporary, 4096))
            {
                FileModes.Set(temporary, FileModes.Of(target) ?? FileModes.ReadableByAll);
                stream.Write(bytes, 0, bytes.Length);
                stream.Flush(flushToDisk: true);
            }

            FileModes.Replace(temporary, target);
            temporary = null;
            FileModes.FlushDirectory(folder);
        }
        catch (Exception e) when (IsFileFault(e))
        {
            throw new ImageBackupException(ErrorId.PolicyWriteFailed, $"{path} cannot be written: {e.Message}", path, e);
        }
        finally
        {
            if (temporary is not null)
                TryDelete(temporary);
        }
    }

    private static bool AreSame(byte[]? one, byte[]? other)
    {
        if (one is null || other is null)
            return one is null && other is null;
        if (one.Length != other.Length)
            return false;
        for (var i = 0; i < one.Length; i++)
        {
            if (one[i] != other[i])
                return false;
        }

        return true;
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (IsFileFault(e))
        {
            // The error that led here is the one to report.
        }
    }

    private static bool IsFileFault(Exception e) =>
        e is IOException or UnauthorizedAccessException or SecurityException or ArgumentException or NotSupportedException;
}
