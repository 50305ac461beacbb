using System;
using System.IO;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Events;

/// <summary>
/// Where the error log file of this machine lies: <c>/var/log/imagebackup/error.log</c> (root), the user's state folder
/// (others), <c>%ProgramData%\ImageBackup\Logs\error.log</c> (Windows).
/// </summary>
internal static class EventLogPaths
{
    /// <summary>Another folder for the error log file, or OFF: nothing is logged anywhere.</summary>
    public const string Variable = "IMAGEBACKUP_LOG";
    public const string FileName = "error.log";

    public static bool IsOff => string.Equals(Environment.GetEnvironmentVariable(Variable), "off", StringComparison.OrdinalIgnoreCase);

    public static string ErrorLog => Path.Combine(Folder, FileName);

    private static string Folder
    {
        get
        {
            if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
                return named;
            return MachineFolders.IsMachineWide ? MachineFolders.Logs : MachineFolders.UserState ?? MachineFolders.Logs;
        }
    }
}
