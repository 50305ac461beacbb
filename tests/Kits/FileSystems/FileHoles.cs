using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>Holes punched into a file (fallocate(2)), to make free space as fragmented as it can be.</summary>
internal static class FileHoles
{
    private const int KeepSize = 1;
    private const int PunchHole = 2;

    public static void PunchEveryOther(FileStream stream, long blockBytes, long lengthBytes)
    {
        for (long offset = 0; offset + blockBytes <= lengthBytes; offset += 2 * blockBytes)
        {
            if (fallocate(stream.SafeFileHandle, KeepSize | PunchHole, offset, blockBytes) != 0)
                throw new IOException($"fallocate failed with {Marshal.GetLastPInvokeError()}");
        }
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int fallocate(SafeFileHandle descriptor, int mode, long offset, long length);
}
