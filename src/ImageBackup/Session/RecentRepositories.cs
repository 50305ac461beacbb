using System;
using System.Collections.Generic;
using System.IO;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Session;

/// <summary>
/// The paths of the repositories that this user has opened, the newest first, for completion alone: a text file of at most
/// <see cref="MaxCount"/> lines in the user's state directory. Nothing else of a repository is noted. Whatever goes
/// wrong with it is passed over: no command may fail over a convenience.
/// </summary>
internal sealed class RecentRepositories(string? path)
{
    public const int MaxCount = 20;
    private const int MaxFileBytes = 128 * 1024;

    /// <summary>This user's; nothing is noted if the user has no home directory (a service).</summary>
    public static RecentRepositories Own => new(DefaultPath());

    public IReadOnlyList<string> List()
    {
        var found = new List<string>();
        if (path is null || StateFile.TryRead(path, MaxFileBytes) is not { } text)
            return found;
        foreach (string line in text.Split('\n'))
        {
            if (line.TrimEnd('\r') is { Length: > 0 } location && found.Count < MaxCount)
                found.Add(location);
        }
        return found;
    }

    public void Note(string location)
    {
        if (path is null || location.IndexOfAny(['\r', '\n']) >= 0)
            return;
        IReadOnlyList<string> before = List();
        if (before.Count > 0 && before[0] == location)
            return;
        var lines = new List<string> { location };
        foreach (string other in before)
        {
            if (other != location && lines.Count < MaxCount)
                lines.Add(other);
        }
        // Not locked: another session's line may be lost, which matters little.
        _ = StateFile.TryWrite(path, string.Join("\n", lines) + "\n");
    }

    /// <summary>"repositories" is the folder of what the user's runs remember of each.</summary>
    private static string? DefaultPath() => MachineFolders.UserState is { } state ? Path.Combine(state, "recent-repositories") : null;
}
