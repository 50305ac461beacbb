using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>
/// Finds the file of a program that is started by name. The system's own search looks into the current directory (before the
/// search path on Windows, and .NET does so on every system), which may be anybody's: here only the absolute entries of
/// the search path count, as for restic.
/// </summary>
internal static class ProgramFiles
{
    /// <summary>What Windows starts, in the order of cmd.exe. PATHEXT is not asked: other kinds need a program of their own.</summary>
    private static readonly string[] s_windowsExtensions = [".com", ".exe", ".bat", ".cmd"];

    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>
    /// The full path of a program. A name with a directory in it is that file, relative to the current directory if the
    /// name says so; a bare one is looked for in the search path.
    /// </summary>
    /// <returns>Null if there is no such program.</returns>
    public static string? Find(string name) => Find(name, Environment.GetEnvironmentVariable("PATH") ?? "", s_isWindows, IsProgram);

    /// <summary>A file that cmd.exe runs, and no program itself.</summary>
    public static bool IsBatch(string path) => s_isWindows && Array.IndexOf(s_windowsExtensions, Path.GetExtension(path).ToLowerInvariant()) >= 2;

    internal static string? Find(string name, string searchPath, bool isWindows, Func<string, bool> isProgram)
    {
        if (name.Length == 0 || name.IndexOf('\0') >= 0)
            return null;
        bool namesDirectory = name.IndexOf('/') >= 0 || (isWindows && name.IndexOfAny(['\\', ':']) >= 0);
        if (namesDirectory)
        {
            foreach (string candidate in Candidates(name, isWindows))
            {
                if (isProgram(candidate))
                    return Path.GetFullPath(candidate);
            }
            return null;
        }
        foreach (string directory in AbsoluteEntries(searchPath, isWindows))
        {
            foreach (string candidate in Candidates(directory.TrimEnd('/', isWindows ? '\\' : '/') + (isWindows ? "\\" : "/") + name, isWindows))
            {
                if (isProgram(candidate))
                    return candidate;
            }
        }
        return null;
    }

    /// <summary>
    /// The entries of a search path that mean the same from everywhere. An empty one, "." and any other relative one are the
    /// current directory or lie in it; on Windows so are \x and c:x.
    /// </summary>
    internal static IEnumerable<string> AbsoluteEntries(string searchPath, bool isWindows)
    {
        foreach (string entry in searchPath.Split(isWindows ? ';' : ':'))
        {
            string directory = isWindows ? entry.Trim().Trim('"') : entry;
            if (isWindows ? IsAbsoluteOnWindows(directory) : directory.StartsWith("/", StringComparison.Ordinal))
                yield return directory;
        }
    }

    private static bool IsAbsoluteOnWindows(string path) =>
        path.StartsWith(@"\\", StringComparison.Ordinal)
        || (path.Length > 2 && path[1] == ':' && path[2] is '\\' or '/' && char.IsLetter(path[0]));

    private static IEnumerable<string> Candidates(string path, bool isWindows)
    {
        if (!isWindows)
        {
            yield return path;
            yield break;
        }
        // With an extension that can be started the name is whole; "x.y" may also be short for "x.y.exe".
        if (Array.IndexOf(s_windowsExtensions, Path.GetExtension(path).ToLowerInvariant()) >= 0)
            yield return path;
        foreach (string extension in s_windowsExtensions)
            yield return path + extension;
    }

    private static bool IsProgram(string path) => File.Exists(path) && (s_isWindows || access(path, Executable) == 0);

    private const int Executable = 1;

#pragma warning disable IDE1006 // The name is libc's.
    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int access([MarshalAs(UnmanagedType.LPStr)] string path, int mode);
#pragma warning restore IDE1006
}
