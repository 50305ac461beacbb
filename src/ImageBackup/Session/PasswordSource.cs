using System;
using System.IO;
using System.Security;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Repository.Keys;

namespace ImageBackup.Session;

/// <summary>
/// Where the password comes from: the parameter; else what restic's users have in their environment, with restic's
/// precedence and restic's trimming, so that one setting opens the repository with both programs.
/// </summary>
internal static class PasswordSource
{
    public const string CommandVariable = "RESTIC_PASSWORD_COMMAND";
    public const string FileVariable = "RESTIC_PASSWORD_FILE";
    public const string PasswordVariable = "RESTIC_PASSWORD";

    /// <summary>A password file that is longer holds something else.</summary>
    private const int MaxSecretBytes = 64 * 1024;

    private static readonly TimeSpan s_commandTimeLimit = TimeSpan.FromSeconds(60);

    /// <param name="passwordFile">Full path of -PasswordFile; null if it was not given.</param>
    /// <exception cref="ImageBackupException">PasswordNeeded, PasswordMissing, PasswordFileUnsafe, PasswordFileInvalid, ParameterInvalid.</exception>
    /// <param name="isFrom">The repository that is copied from: restic's RESTIC_FROM_ variables.</param>
    public static RepositoryPassword Resolve(SecureString? given, string? passwordFile, CancellationToken cancellation, bool isFrom = false)
    {
        if (passwordFile is null)
            return Resolve(given, cancellation, isFrom);
        if (given is not null)
            throw new ImageBackupException(ErrorId.ParameterInvalid, "-Password and -PasswordFile were both given: name one of them.", "PasswordFile");
        return NotEmpty(PasswordFile.Read(passwordFile), "-PasswordFile");
    }

    /// <summary>Whether anything says where the password is. Nothing is read.</summary>
    public static bool IsNamed(SecureString? given, string? passwordFile, bool isFrom = false) =>
        given is not null || passwordFile is not null || Variable(isFrom) is not null;

    /// <summary>A password that does not exist yet: no variable of restic's is meant.</summary>
    /// <param name="given">The parameter, or what was typed.</param>
    /// <param name="passwordFile">Full path of the file; null if it was not given.</param>
    /// <param name="parameter">The parameter's name, with its hyphen; the file's is the same with 'File'.</param>
    /// <exception cref="ImageBackupException">PasswordNeeded, PasswordMissing, PasswordFileUnsafe, PasswordFileInvalid, ParameterInvalid.</exception>
    public static RepositoryPassword ResolveNew(SecureString? given, string? passwordFile, string parameter)
    {
        if (passwordFile is not null && given is not null)
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"{parameter} and {parameter}File were both given: name one of them.", parameter + "File");
        if (passwordFile is not null)
            return NotEmpty(PasswordFile.Read(passwordFile), parameter + "File");
        if (given is not null)
            return NotEmpty(RepositoryPassword.From(given), parameter);
        throw new ImageBackupException(ErrorId.PasswordNeeded, $"No new password was given, and PowerShell cannot ask for it here. Give {parameter}File or {parameter}.")
        {
            RecommendedAction = $"Give {parameter}File (a file that Export-ImageRepositoryPassword wrote) or {parameter}.",
        };
    }

    /// <exception cref="ImageBackupException">PasswordNeeded, PasswordMissing, ParameterInvalid.</exception>
    public static RepositoryPassword Resolve(SecureString? given, CancellationToken cancellation, bool isFrom = false)
    {
        if (given is not null)
            return NotEmpty(RepositoryPassword.From(given), "-Password");

        string commandVariable = Name(CommandVariable, isFrom), fileVariable = Name(FileVariable, isFrom), passwordVariable = Name(PasswordVariable, isFrom);
        string? command = Variable(commandVariable);
        string? file = Variable(fileVariable);
        if (command is not null && file is not null)
        {
            throw new ImageBackupException(
                ErrorId.ParameterInvalid, $"{commandVariable} and {fileVariable} are both set: clear one of them.", commandVariable);
        }
        if (command is not null)
        {
            byte[] output = PasswordCommand.Run(command, s_commandTimeLimit, MaxSecretBytes, cancellation);
            return NotEmpty(Take(output, $"The output of {commandVariable}", hasMark: false), commandVariable);
        }
        if (file is not null)
            return NotEmpty(Take(ReadFile(file, fileVariable), $"The file of {fileVariable}, '{file}',", hasMark: true), fileVariable);
        if (Variable(passwordVariable) is { } password)
            return NotEmpty(RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(password)), passwordVariable);
        throw new ImageBackupException(
            ErrorId.PasswordNeeded,
            "No password was given, and PowerShell cannot ask for it here. "
            + $"Give -PasswordFile or -Password, or set {commandVariable}, {fileVariable} or {passwordVariable}.");
    }

    /// <summary>The name of the variable that a password would be taken from; null if none is set.</summary>
    public static string? Variable(bool isFrom = false)
    {
        foreach (string name in new[] { CommandVariable, FileVariable, PasswordVariable })
        {
            if (Variable(Name(name, isFrom)) is not null)
                return Name(name, isFrom);
        }
        return null;
    }

    private static string Name(string variable, bool isFrom) => isFrom ? RepositoryLocation.FromName(variable) : variable;

    private static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static RepositoryPassword NotEmpty(RepositoryPassword password, string source)
    {
        if (!password.IsEmpty)
            return password;
        password.Dispose();
        throw new ImageBackupException(ErrorId.PasswordMissing, $"The password from {source} is empty.", source);
    }

    private static byte[] ReadFile(string path, string variable)
    {
        try
        {
            using FileStream stream = PasswordFile.OpenShared(path);
            var buffer = new byte[MaxSecretBytes + 1];
            int length = 0;
            for (int read; length < buffer.Length && (read = stream.Read(buffer, length, buffer.Length - length)) > 0;)
                length += read;
            if (length > MaxSecretBytes)
            {
                Array.Clear(buffer, 0, buffer.Length);
                throw new ImageBackupException(
                    ErrorId.ParameterInvalid, $"The password file '{path}' is longer than {MaxSecretBytes} bytes.", path);
            }
            return CutAndClear(buffer, 0, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ImageBackupException(
                ErrorId.PasswordMissing, $"The password file of {variable} cannot be read: {e.Message}", path, e);
        }
    }

    /// <summary>As restic reads it, the input cleared.</summary>
    private static RepositoryPassword Take(byte[] raw, string source, bool hasMark)
    {
        byte[] password = SecretText.Read(raw, hasMark);
        SecretText.ThrowIfControl(password, source, source);
        return RepositoryPassword.FromUtf8(password);
    }

    private static byte[] CutAndClear(byte[] source, int start, int length)
    {
        var cut = new byte[length];
        Array.Copy(source, start, cut, 0, length);
        Array.Clear(source, 0, source.Length);
        return cut;
    }
}
