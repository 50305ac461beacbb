using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>How every child process is started and ended; nothing else in the module makes a ProcessStartInfo.</summary>
internal static partial class ChildProcess
{
    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>
    /// Without a shell, without a window, and without our secrets. A batch file is given to the system's cmd.exe.
    /// </summary>
    /// <param name="path">Full path of the program: see <see cref="ProgramFiles"/>.</param>
    /// <param name="arguments">One each.</param>
    /// <param name="keepsStorageSecrets">The child fetches the repository's password, perhaps with these.</param>
    /// <exception cref="ArgumentException">The path is not a full one, or an argument cannot be given to a batch file unchanged.</exception>
    public static ProcessStartInfo Prepare(string path, IReadOnlyList<string> arguments, bool keepsStorageSecrets = false)
    {
        if (!Path.IsPathRooted(path))
            throw new ArgumentException($"'{path}' is not a full path.", nameof(path));
        if (ProgramFiles.IsBatch(path))
            return Prepare(Path.Combine(Environment.SystemDirectory, "cmd.exe"), ["/d", "/c", "call", .. ForBatch([path, .. arguments])], keepsStorageSecrets);
        var start = new ProcessStartInfo(path) { UseShellExecute = false, CreateNoWindow = true };
        SetArguments(start, arguments);
        ChildEnvironment.Clean(start.Environment!, keepsStorageSecrets, s_isWindows);
        return start;
    }

    /// <summary>cmd.exe reads its line by rules of its own, and no quoting keeps these characters from it.</summary>
    internal static IReadOnlyList<string> ForBatch(IReadOnlyList<string> arguments)
    {
        foreach (string argument in arguments)
        {
            if (argument.IndexOfAny(['"', '%', '!', '&', '|', '<', '>', '^', '\r', '\n']) >= 0)
                throw new ArgumentException("an argument has a character that cmd.exe would read as its own; name a program instead of a batch file", nameof(arguments));
        }
        return arguments;
    }
}
