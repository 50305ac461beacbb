using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>
/// What a child process finds in its environment: ours without the secrets of the repository and its storage, which no
/// system tool and no command of the administrator's needs, and with a search path that no current directory is part of.
/// </summary>
internal static class ChildEnvironment
{
    /// <summary>The repository's password and where it comes from. No child needs it: the one that prints it has it from elsewhere.</summary>
    private static readonly string[] s_passwords =
    [
        "RESTIC_PASSWORD", "RESTIC_PASSWORD2", "RESTIC_PASSWORD_FILE", "RESTIC_PASSWORD_COMMAND",
        "RESTIC_FROM_PASSWORD", "RESTIC_FROM_PASSWORD_FILE", "RESTIC_FROM_PASSWORD_COMMAND",
        "RESTIC_NEW_PASSWORD", "RESTIC_NEW_PASSWORD_FILE",
    ];

    /// <summary>Beginnings of the names that storages take their credentials from. A program that fetches the password may need them.</summary>
    private static readonly string[] s_storages =
        ["AWS_", "AZURE_", "B2_ACCOUNT_", "GOOGLE_", "OS_", "ST_", "RCLONE_", "RESTIC_REST_", "MINIO_"];

    /// <summary>cmd.exe looks into the current directory first unless this is set; Microsoft, NeedCurrentDirectoryForExePath.</summary>
    private const string NoCurrentDirectory = "NoDefaultCurrentDirectoryInExePath";

    /// <summary>Changes the copy of the environment that a child is to get.</summary>
    /// <param name="variables">The child's variables.</param>
    /// <param name="keepsStorageSecrets">The child fetches the password, and may do so from where these lead.</param>
    /// <param name="isWindows">Names are compared without regard to case, and paths have drives.</param>
    public static void Clean(IDictionary<string, string?> variables, bool keepsStorageSecrets, bool isWindows)
    {
        StringComparison comparison = isWindows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        foreach (string name in new List<string>(variables.Keys))
        {
            if (Array.Exists(s_passwords, secret => string.Equals(secret, name, comparison))
                || (!keepsStorageSecrets && Array.Exists(s_storages, prefix => name.StartsWith(prefix, comparison))))
            {
                variables.Remove(name);
            }
            else if (string.Equals(name, "PATH", comparison) && variables[name] is { } path)
            {
                variables[name] = string.Join(isWindows ? ";" : ":", ProgramFiles.AbsoluteEntries(path, isWindows));
            }
        }
        if (isWindows)
            variables[NoCurrentDirectory] = "1";
    }
}
