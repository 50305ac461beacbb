using System;
using System.IO;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform;

internal static partial class UnixCalls
{
    private static FileStream StreamOver(SafeFileHandle handle) => new(handle, FileAccess.Read, bufferSize: 0);
}
