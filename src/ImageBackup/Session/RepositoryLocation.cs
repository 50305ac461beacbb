using System;
using System.IO;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Repository.Keys;

namespace ImageBackup.Session;

/// <summary>Repository locators, restic's spelling: a path, or a scheme and what follows it.</summary>
internal static class RepositoryLocation
{
    public const string Variable = "RESTIC_REPOSITORY";
    public const string FileVariable = "RESTIC_REPOSITORY_FILE";

    /// <summary>A file that is longer holds something else.</summary>
    private const int MaxFileBytes = 64 * 1024;

    private static readonly string[] s_remoteSchemes = ["sftp", "rest", "s3", "swift", "b2", "azure", "gs", "rclone"];

    /// <summary>Whether the environment names a repository. Nothing is opened.</summary>
    public static bool IsInEnvironment => EnvironmentText(Variable) is not null || EnvironmentText(FileVariable) is not null;

    /// <summary>
    /// The locator in RESTIC_REPOSITORY, or in the file that RESTIC_REPOSITORY_FILE names, read as restic does (byte order
    /// marks understood, white space at both ends cut off); null if neither is set.
    /// </summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: both are set, or the file cannot be read or names nothing.</exception>
    public static string? OfEnvironment()
    {
        string? locator = EnvironmentText(Variable);
        if (EnvironmentText(FileVariable) is not { } file)
            return locator;
        if (locator is not null)
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"{Variable} and {FileVariable} are both set: clear one of them.", FileVariable);
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
            var buffer = new byte[MaxFileBytes + 1];
            int length = 0;
            for (int read; length < buffer.Length && (read = stream.Read(buffer, length, buffer.Length - length)) > 0;)
                length += read;
            if (length > MaxFileBytes)
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"The file of {FileVariable}, '{file}', is longer than {MaxFileBytes} bytes.", file);
            string text = Encoding.UTF8.GetString(SecretText.Read(buffer.AsSpan(0, length).ToArray()));
            if (text.Length == 0 || text.Any(char.IsControl))
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"The file of {FileVariable}, '{file}', does not hold one repository's path on one line.", file);
            return text;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"The file of {FileVariable} cannot be read: {e.Message}", file, e);
        }
    }

    private static string? EnvironmentText(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>The path in a locator.</summary>
    /// <exception cref="ImageBackupException">NotSupported: a kind of storage that this version does not reach.</exception>
    public static string PathOf(string locator)
    {
        int colon = locator.IndexOf(':');
        if (colon <= 1)
            return locator;
        string scheme = locator.Substring(0, colon);
        if (scheme == "local")
            return locator.Substring(colon + 1);
        if (Array.IndexOf(s_remoteSchemes, scheme) >= 0)
        {
            throw new ImageBackupException(
                ErrorId.NotSupported, $"Repositories on '{scheme}:' storage cannot be used; name a local or UNC path.", locator)
            {
                RecommendedAction = "Mount or share the storage and name its path.",
            };
        }
        return locator;
    }
}
