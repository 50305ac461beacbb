using System;
using System.IO;

namespace ImageBackup.Engine.Platform.Files;

internal static partial class FileModes
{
    /// <summary>Present in every runtime since .NET 6 that loads this build; .NET Framework has no such links to follow.</summary>
    private static string Resolve(string path) =>
        (Invoke(typeof(File).GetMethod("ResolveLinkTarget", [typeof(string), typeof(bool)]), path, true) as FileSystemInfo)?.FullName ?? path;

    private static int? ModeOf(string path) =>
        typeof(File).GetMethod("GetUnixFileMode", [typeof(string)]) is { } get ? Convert.ToInt32(Invoke(get, path), System.Globalization.CultureInfo.InvariantCulture) : null;

    private static void MoveOver(string temporary, string target)
    {
        if (s_isWindows || !File.Exists(target))
            File.Move(temporary, target);
        else
            File.Replace(temporary, target, null);
    }

    private static object? Invoke(System.Reflection.MethodInfo? method, params object?[] arguments)
    {
        try
        {
            return method?.Invoke(null, arguments);
        }
        catch (System.Reflection.TargetInvocationException e) when (e.InnerException is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e.InnerException).Throw();
            throw;
        }
    }
}
