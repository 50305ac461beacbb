using System;
using System.IO;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform;

/// <summary>
/// The machine's own folders: policy and defaults, logs, and the records of what must be undone. Linux: <c>/etc/imagebackup</c>,
/// <c>/var/log/imagebackup</c>, <c>/var/lib/imagebackup</c> and <c>/run/imagebackup</c>. Windows: <c>%ProgramData%\ImageBackup</c>.
/// If <see cref="RootVariable"/> names a directory, all of them lie below it: as far as settings, logs and records go, the process
/// runs on a machine of its own. The variable is read once, before the first folder is used.
/// </summary>
internal static class MachineFolders
{
    public const string RootVariable = "IMAGEBACKUP_ROOT";
    private const string WindowsFolder = "ImageBackup", UserFolder = "imagebackup";

    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);
    private static readonly string s_root = Environment.GetEnvironmentVariable(RootVariable) is { Length: > 0 } root ? Path.GetFullPath(root) : "";

    /// <summary>The rule list, the classes, the machine's defaults.</summary>
    public static string Configuration { get; } = s_isWindows ? WindowsData : s_root + "/etc/imagebackup";

    /// <summary>The error log file of root, or of all users on Windows.</summary>
    public static string Logs { get; } = s_isWindows ? Path.Combine(WindowsData, "Logs") : s_root + "/var/log/imagebackup";

    /// <summary>Outlives a restart of the machine.</summary>
    public static string LastingState { get; } = s_isWindows ? WindowsData : s_root + "/var/lib/imagebackup";

    /// <summary>Gone with a restart, except on Windows, which has no such folder.</summary>
    public static string PassingState { get; } = s_isWindows ? WindowsData : s_root + "/run/imagebackup";

    /// <summary>The machine's own folders are this process's: root's, and all users' on Windows.</summary>
    public static bool IsMachineWide => s_isWindows || Environment.UserName == "root";

    /// <summary>What this user's runs keep who may not write the machine's folders; null: the user has no folder of that kind.</summary>
    public static string? UserState
    {
        get
        {
            if (Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } given && Path.IsPathRooted(given))
                return Path.Combine(given, UserFolder);
            string home = Environment.GetFolderPath(s_isWindows ? Environment.SpecialFolder.LocalApplicationData : Environment.SpecialFolder.UserProfile);
            return home.Length == 0 ? null : Path.Combine(s_isWindows ? home : Path.Combine(home, ".local", "state"), UserFolder);
        }
    }

    private static string WindowsData => Path.Combine(
        s_root.Length > 0 ? s_root : Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), WindowsFolder);
}
