using System;
using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Repository.Keys;

/// <summary>
/// A repository's password in a file, for unattended runs. Linux: the bare password in a file that only its
/// owner may read, which is checked at every reading; restic's RESTIC_PASSWORD_FILE takes the same file. A byte order mark is understood (UTF-8, UTF-16). Windows:
/// protected by the system's data protection, base64 below a line that says so.
/// </summary>
internal static class PasswordFile
{
    private const int MaxFileBytes = 64 * 1024;
    private const string ProtectedHeader = "ImageBackup protected password 1";

    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>Writes the file whole under a temporary name, then gives it its own.</summary>
    /// <exception cref="ImageBackupException">TargetExists, NotSupported (a scope that this system does not have), PasswordFileInvalid.</exception>
    public static void Write(string path, RepositoryPassword password, PasswordFileScope scope, bool replace)
    {
        ThrowIfUnfit(path, password, scope, replace);
        byte[] content = s_isWindows ? Protected(password.Utf8, scope) : Line(password.Utf8);
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (FileStream file = DurableFiles.CreatePrivateFile(temporary, 1))
            {
                file.Write(content, 0, content.Length);
                file.Flush(flushToDisk: true);
            }
            // A file that is replaced goes first: its own mode must not live on.
            if (replace && File.Exists(path))
                File.Delete(path);
            File.Move(temporary, path);
        }
        catch (Exception e) when (IsFileTrouble(e))
        {
            TryDelete(temporary);
            throw new ImageBackupException(ErrorId.PasswordFileInvalid, $"The password file '{path}' cannot be written: {e.Message}", path, e);
        }
        finally
        {
            Array.Clear(content, 0, content.Length);
        }
    }

    /// <summary>Throws if <see cref="Write"/> would before it writes. Nothing is written.</summary>
    /// <exception cref="ImageBackupException">PasswordMissing, TargetExists, NotSupported, PasswordFileInvalid.</exception>
    public static void ThrowIfUnfit(string path, RepositoryPassword password, PasswordFileScope scope, bool replace)
    {
        if (password.IsEmpty)
            throw new ImageBackupException(ErrorId.PasswordMissing, "An empty password cannot be exported.", path);
        if (scope == PasswordFileScope.LocalMachine && !s_isWindows)
        {
            throw new ImageBackupException(
                ErrorId.NotSupported, "Only Windows can protect a file for a whole computer; here a password file is its owner's.", path);
        }
        if (!replace && File.Exists(path))
            throw new ImageBackupException(ErrorId.TargetExists, $"The file '{path}' exists.", path);
        ThrowIfNotKept(password.Utf8, path);
        if (!Directory.Exists(Path.GetDirectoryName(path)))
            throw new ImageBackupException(ErrorId.PasswordFileInvalid, $"The password file '{path}' cannot be written: its directory does not exist.", path);
    }

    /// <exception cref="ImageBackupException">
    /// PasswordMissing (no file, or an empty one), PasswordFileUnsafe, PasswordFileInvalid.
    /// </exception>
    public static RepositoryPassword Read(string path)
    {
        byte[] content = ReadChecked(path);
        try
        {
            byte[] password = s_isWindows ? Unprotected(content, path) : SecretText.Read(content);
            if (!s_isWindows)
                SecretText.ThrowIfControl(password, $"The password file '{path}'", path);
            if (password.Length == 0)
                throw new ImageBackupException(ErrorId.PasswordMissing, $"The password file '{path}' is empty.", path);
            return RepositoryPassword.FromUtf8(password);
        }
        finally
        {
            Array.Clear(content, 0, content.Length);
        }
    }

    /// <summary>
    /// Opens a file that restic's variables name. As restic does, it takes one that others may read; but none that others may
    /// write, who would choose the password of what is created with it.
    /// </summary>
    /// <exception cref="ImageBackupException">PasswordFileUnsafe.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static FileStream OpenShared(string path)
    {
        try
        {
            return TrustedFile.OpenRead(path, FilePrivacy.Orders);
        }
        catch (UntrustedFileException e)
        {
            throw Unsafe(e, path);
        }
    }

    private static ImageBackupException Unsafe(UntrustedFileException e, string path) =>
        new(ErrorId.PasswordFileUnsafe, $"The password file {e.Message}", path, e);

    private static byte[] ReadChecked(string path)
    {
        try
        {
            using FileStream file = TrustedFile.OpenRead(path, FilePrivacy.Secret);
            var buffer = new byte[MaxFileBytes + 1];
            int length = 0;
            for (int read; length < buffer.Length && (read = file.Read(buffer, length, buffer.Length - length)) > 0;)
                length += read;
            var content = new byte[length];
            Array.Copy(buffer, content, length);
            Array.Clear(buffer, 0, buffer.Length);
            return length <= MaxFileBytes
                ? content
                : throw new ImageBackupException(ErrorId.PasswordFileInvalid, $"'{path}' is longer than {MaxFileBytes} bytes, so it is not a password file.", path);
        }
        catch (UntrustedFileException e)
        {
            throw Unsafe(e, path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ImageBackupException(ErrorId.PasswordMissing, $"There is no password file '{path}'.", path, e);
        }
        catch (Exception e) when (IsFileTrouble(e))
        {
            throw new ImageBackupException(ErrorId.PasswordFileInvalid, $"The password file '{path}' cannot be read: {e.Message}", path, e);
        }
    }

    private static byte[] Line(byte[] password)
    {
        var line = new byte[password.Length + 1];
        Array.Copy(password, line, password.Length);
        line[password.Length] = (byte)'\n';
        return line;
    }

    /// <summary>Both programs cut white space off a password file, so such a password would not come back.</summary>
    private static void ThrowIfNotKept(byte[] password, string path)
    {
        if (s_isWindows)
            return;
        SecretText.ThrowIfControl(password, "The password", path);
        byte[] read = SecretText.Read(Line(password));
        bool isSame = read.AsSpan().SequenceEqual(password);
        Array.Clear(read, 0, read.Length);
        if (!isSame)
        {
            throw new ImageBackupException(ErrorId.PasswordFileInvalid,
                "The password begins or ends with white space, or begins with a byte order mark: a password file does not keep that.", path)
            {
                RecommendedAction = "Add another password with Add-ImageRepositoryKey and export that one, or give this one in RESTIC_PASSWORD.",
            };
        }
    }

    private static byte[] Protected(byte[] password, PasswordFileScope scope) =>
        Encoding.ASCII.GetBytes(
            $"{ProtectedHeader} {scope}\r\n{Convert.ToBase64String(DataProtection.Protect(password, scope == PasswordFileScope.LocalMachine))}\r\n");

    private static byte[] Unprotected(byte[] content, string path)
    {
        string[] lines = Encoding.ASCII.GetString(content).Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length != 2 || !lines[0].StartsWith(ProtectedHeader, StringComparison.Ordinal))
        {
            throw new ImageBackupException(
                ErrorId.PasswordFileInvalid, $"'{path}' is not a protected password file.", path);
        }
        try
        {
            return DataProtection.Unprotect(Convert.FromBase64String(lines[1]));
        }
        catch (Exception e) when (e is FormatException or Win32Exception)
        {
            throw new ImageBackupException(
                ErrorId.PasswordFileInvalid, $"The password file '{path}' cannot be unlocked by this user on this computer: {e.Message}", path, e);
        }
    }

    private static void TryDelete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (IsFileTrouble(e))
        {
            // The first failure is reported.
        }
    }

    private static bool IsFileTrouble(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException or Win32Exception;
}
