using System;
using System.Collections.Generic;
using System.Management.Automation;

namespace ImageBackup.Session;

/// <summary>
/// The exit codes of a process that ran the module's commands. If restic has a code for the same thing, it is restic's. This file is
/// compiled into the module (Get-ImageBackupExitCode) and into the Host.
/// </summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int SomeDataUnreadable = 3;
    public const int NoRepository = 10;
    public const int RepositoryLocked = 11;
    public const int WrongPassword = 12;
    public const int Cancelled = 130;

    private static readonly Dictionary<string, int> s_byErrorId = new(StringComparer.Ordinal)
    {
        ["RepositoryNotFound"] = NoRepository,
        ["RepositoryLocked"] = RepositoryLocked,
        ["WrongPassword"] = WrongPassword,
        ["SomeDataUnreadable"] = SomeDataUnreadable,
        ["Cancelled"] = Cancelled,
    };

    /// <summary>
    /// From the gravest to the slightest. A code that names the cause wins over the plain failure. The plain failure wins over
    /// <see cref="SomeDataUnreadable"/>, which means that there is an image: a scheduler may be told to accept that code.
    /// </summary>
    private static readonly int[] s_gravestFirst = [Cancelled, WrongPassword, RepositoryLocked, NoRepository, Failure, SomeDataUnreadable, Success];

    /// <summary>The code of one error, by the stable id: the part of the fully qualified id before the comma.</summary>
    public static int Of(ErrorRecord error)
    {
        string id = error.FullyQualifiedErrorId ?? "";
        int comma = id.IndexOf(',');
        return s_byErrorId.TryGetValue(comma < 0 ? id : id.Substring(0, comma), out int code) ? code : Failure;
    }

    /// <summary>The code of a run that had errors with both codes. The order of the errors does not matter.</summary>
    public static int Graver(int first, int second) =>
        Array.IndexOf(s_gravestFirst, first) <= Array.IndexOf(s_gravestFirst, second) ? first : second;
}
