using System;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform;

internal static partial class UnixCalls
{
    /// <summary>Mono knows only the handles that it opened itself. The kernel's name for an open file opens that very file again.</summary>
    private static FileStream StreamOver(SafeFileHandle handle)
    {
        using (handle)
            return new FileStream("/proc/self/fd/" + handle.DangerousGetHandle().ToInt32(), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
    }
}
