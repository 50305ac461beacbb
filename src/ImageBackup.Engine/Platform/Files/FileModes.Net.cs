using System;
using System.IO;

namespace ImageBackup.Engine.Platform.Files;

internal static partial class FileModes
{
    private static string Resolve(string path) => File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;

    private static int? ModeOf(string path) => OperatingSystem.IsWindows() ? null : (int)File.GetUnixFileMode(path);

    private static void MoveOver(string temporary, string target) => File.Move(temporary, target, overwrite: true);
}
