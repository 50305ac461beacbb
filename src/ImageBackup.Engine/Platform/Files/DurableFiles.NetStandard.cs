using System;
using System.IO;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform.Files;

internal static partial class DurableFiles
{
    private static void CreateOnePrivate(string path)
    {
        Directory.CreateDirectory(path);
        if (!s_isWindows)
            _ = chmod(path, 0x1C0); // 0700
    }

    public static partial FileStream CreatePrivateFile(string path, int bufferSizeBytes)
    {
        var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, Math.Max(1, bufferSizeBytes));
        if (!s_isWindows)
            _ = chmod(path, 0x180); // 0600
        return stream;
    }

    [DllImport("libc", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int chmod([MarshalAs(UnmanagedType.LPStr)] string path, int mode);

    public static partial FileStream CreateSpool(string path) => new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, SpoolBufferBytes,
        s_isWindows ? FileOptions.DeleteOnClose : FileOptions.None);
}
