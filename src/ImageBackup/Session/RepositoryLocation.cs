using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Transfer;

namespace ImageBackup.Session;

/// <summary>Repository locators, restic's spelling: a path, or a scheme and what follows it.</summary>
internal static class RepositoryLocation
{
    public const string Variable = "RESTIC_REPOSITORY";
    public const string FileVariable = "RESTIC_REPOSITORY_FILE";

    /// <summary>A file that is longer holds something else.</summary>
    private const int MaxFileBytes = 64 * 1024;

    /// <summary>Whether the environment names a repository. Nothing is opened.</summary>
    public static bool IsInEnvironment => EnvironmentText(Variable) is not null || EnvironmentText(FileVariable) is not null;

    /// <summary>Whether restic's RESTIC_FROM_REPOSITORY or RESTIC_FROM_REPOSITORY_FILE names the repository to copy from.</summary>
    public static bool IsFromInEnvironment => EnvironmentText(FromName(Variable)) is not null || EnvironmentText(FromName(FileVariable)) is not null;

    /// <summary>The name of the variable for the repository that is copied from: RESTIC_FROM_PASSWORD for RESTIC_PASSWORD.</summary>
    public static string FromName(string variable) => $"RESTIC_FROM_{variable.Substring("RESTIC_".Length)}";

    /// <summary>
    /// The locator in RESTIC_REPOSITORY, or in the file that RESTIC_REPOSITORY_FILE names, read as restic does (byte order
    /// marks understood, white space at both ends cut off); null if neither is set.
    /// </summary>
    /// <param name="isFrom">Those of the repository that is copied from: RESTIC_FROM_REPOSITORY, RESTIC_FROM_REPOSITORY_FILE.</param>
    /// <exception cref="ImageBackupException">ParameterInvalid: both are set, or the file cannot be read or names nothing.</exception>
    public static string? OfEnvironment(bool isFrom = false)
    {
        string variable = isFrom ? FromName(Variable) : Variable, fileVariable = isFrom ? FromName(FileVariable) : FileVariable;
        string? locator = EnvironmentText(variable);
        if (EnvironmentText(fileVariable) is not { } file)
            return locator;
        if (locator is not null)
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"{variable} and {fileVariable} are both set: clear one of them.", fileVariable);
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
            var buffer = new byte[MaxFileBytes + 1];
            int length = 0;
            for (int read; length < buffer.Length && (read = stream.Read(buffer, length, buffer.Length - length)) > 0;)
                length += read;
            if (length > MaxFileBytes)
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"The file of {fileVariable}, '{file}', is longer than {MaxFileBytes} bytes.", file);
            string text = Encoding.UTF8.GetString(SecretText.Read(buffer.AsSpan(0, length).ToArray()));
            if (text.Length == 0 || text.Any(char.IsControl))
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"The file of {fileVariable}, '{file}', does not hold one repository's path on one line.", file);
            return text;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"The file of {fileVariable} cannot be read: {e.Message}", file, e);
        }
    }

    private static string? EnvironmentText(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>A locator taken apart; a path in it is made absolute.</summary>
    /// <param name="locator">As the user wrote it.</param>
    /// <param name="resolve">Makes a path absolute.</param>
    /// <param name="options">-StorageOption; null: none.</param>
    /// <param name="limits">How fast it may be spoken to; null: as fast as it goes.</param>
    /// <exception cref="ImageBackupException">
    /// NotSupported: a kind of storage that this version does not reach; ParameterInvalid: the URL or an option cannot be used.
    /// </exception>
    public static StorageLocation Parse(string locator, Func<string, string> resolve, IReadOnlyDictionary<string, string>? options = null, TransferLimits? limits = null)
    {
        try
        {
            StorageLocation location = StorageRegistry.Parse(locator, options);
            return (location.LocalPath is { } path ? new StorageLocation(StorageLocation.LocalScheme, resolve(path), options: options) : location).With(limits);
        }
        catch (NotSupportedException e)
        {
            throw new ImageBackupException(ErrorId.NotSupported, e.Message, Scheme(locator), e) { RecommendedAction = StorageRegistry.AdviceFor(locator)! };
        }
        catch (FormatException e)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid, e.Message, Scheme(locator), e);
        }
    }

    /// <summary>What follows may hold a password.</summary>
    private static string Scheme(string locator) => StorageRegistry.HasScheme(locator) ? locator.Substring(0, locator.IndexOf(':') + 1) : locator;
}
