using System;
using System.IO;
using System.Text;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>
/// A small text file that a run leaves for later ones: private to its user, replaced whole, and read only if nobody else may
/// have written it. For what a command can do without: nothing here throws for a file that is missing or refused.
/// </summary>
internal static class StateFile
{
    /// <summary>Its text; null if it is not there, is longer, cannot be read, or is not to be relied on.</summary>
    public static string? TryRead(string path, int maxBytes) => TryRead(path, maxBytes, out _);

    /// <summary>As above, with the reason why a file that is there is not read; null if there is none.</summary>
    public static string? TryRead(string path, int maxBytes, out string? complaint)
    {
        complaint = null;
        try
        {
            using FileStream stream = TrustedFile.OpenRead(path, FilePrivacy.Orders);
            // As long as the file, and a byte by which its end is known: the most that it may have is megabytes, and every command reads one or more.
            var bytes = new byte[Math.Min(maxBytes, stream.Length) + 1];
            int count = 0;
            for (int read; (read = stream.Read(bytes, count, bytes.Length - count)) > 0;)
            {
                count += read;
                if (count > maxBytes)
                    break;
                if (count == bytes.Length)
                    Array.Resize(ref bytes, (int)Math.Min(maxBytes + 1L, 2L * count));
            }
            if (count <= maxBytes)
                return Encoding.UTF8.GetString(bytes, 0, count);
            complaint = $"'{path}' is longer than {maxBytes} bytes.";
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // The first time.
        }
        catch (Exception e) when (IsFileTrouble(e))
        {
            complaint = e.Message;
        }
        return null;
    }

    /// <summary>Replaces it, durably, with mode 0600 in a directory of mode 0700, whatever the umask.</summary>
    /// <returns>Null; or why it could not be written.</returns>
    public static string? TryWrite(string path, string text)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            if (TrustedFile.PlaceComplaint(path) is { } complaint)
                return $"'{path}' is not written: {complaint}.";
            DurableFiles.CreatePrivateDirectory(Path.GetDirectoryName(path)!);
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            using (FileStream stream = DurableFiles.CreatePrivateFile(temporary, 1))
            {
                stream.Write(bytes, 0, bytes.Length);
                stream.Flush(flushToDisk: true);
            }
            FileModes.Replace(temporary, path);
            FileModes.FlushDirectory(Path.GetDirectoryName(path)!);
            return null;
        }
        catch (Exception e) when (IsFileTrouble(e))
        {
            try
            {
                File.Delete(temporary);
            }
            catch (Exception again) when (IsFileTrouble(again))
            {
                // It was never made, or cannot be removed either.
            }
            return e.Message;
        }
    }

    private static bool IsFileTrouble(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException or System.Security.SecurityException;
}
