using System;
using System.Collections.Generic;
using System.Management.Automation;

namespace ImageBackup.Host;

/// <summary>The process's exit codes; where restic has one for the same thing, it is restic's.</summary>
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

    /// <summary>The code for an error: the part of its fully qualified id before the comma is the stable id.</summary>
    public static int Of(ErrorRecord error)
    {
        string id = error.FullyQualifiedErrorId;
        int comma = id.IndexOf(',', StringComparison.Ordinal);
        return s_byErrorId.GetValueOrDefault(comma < 0 ? id : id[..comma], Failure);
    }

    /// <summary>The code of a run that had both errors: one that says something wins over the plain one, the first over later ones.</summary>
    public static int Worse(int soFar, int next) => soFar is Success or Failure && next != Success ? next : soFar;
}
