using System;

namespace ImageBackup.Engine.Platform.Rooted;

internal sealed partial class WindowsRootedFolder
{
    private static partial void MakeLink(string path, string target) =>
        throw new PlatformNotSupportedException($"Windows PowerShell makes no symbolic links: '{path}' was not made.");
}
