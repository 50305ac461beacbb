using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

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

    /// <summary>This user's; nothing is noted where the user has no home directory (a service).</summary>
    public static RecentRepositories Own => new(DefaultPath());

    public IReadOnlyList<string> List()
    {
        var found = new List<string>();
        try
        {
            if (path is null || !File.Exists(path) || new FileInfo(path).Length > MaxFileBytes)
                return found;
            foreach (string line in File.ReadAllLines(path, Encoding.UTF8))
            {
                if (line.Length > 0 && found.Count < MaxCount)
                    found.Add(line);
            }
        }
        catch (Exception e) when (IsFileTrouble(e))
        {
            found.Clear();
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
        string temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllLines(temporary, lines, new UTF8Encoding(false));
            // Not in one step: another session's line may be lost, which nobody needs more than this.
            if (File.Exists(path))
                File.Delete(path);
            File.Move(temporary, path);
        }
        catch (Exception e) when (IsFileTrouble(e))
        {
            DeleteQuietly(temporary);
        }
    }

    private static void DeleteQuietly(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (IsFileTrouble(e))
        {
            // It was never made, or cannot be removed either.
        }
    }

    private static bool IsFileTrouble(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException or System.Security.SecurityException;

    private static string? DefaultPath()
    {
        string state = Environment.GetEnvironmentVariable("XDG_STATE_HOME") ?? "";
        if (state.Length == 0 || !Path.IsPathRooted(state))
        {
            if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            {
                state = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
            }
            else
            {
                string home = Environment.GetEnvironmentVariable("HOME") ?? "";
                state = home.Length > 0 ? Path.Combine(home, ".local", "state") : "";
            }
        }
        return state.Length > 0 && Path.IsPathRooted(state) ? Path.Combine(state, "ImageBackup", "repositories") : null;
    }
}
