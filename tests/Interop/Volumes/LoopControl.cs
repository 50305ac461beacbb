using System;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Tests.Interop.Volumes;

/// <summary>
/// Takes a loop device out of the kernel and puts it back: what one test sets on its queue outlives the file behind it, and
/// some of it (no discard) cannot be set back.
/// </summary>
internal static partial class LoopControl
{
    private const nuint Add = 0x4C80;
    private const nuint Remove = 0x4C81;

    /// <summary>Renews a detached loop device (/dev/loopN); one that is in use is left alone.</summary>
    public static void Renew(string device)
    {
        int number = int.Parse(Path.GetFileName(device)["loop".Length..], CultureInfo.InvariantCulture);
        using SafeFileHandle control = File.OpenHandle("/dev/loop-control", FileMode.Open, FileAccess.ReadWrite);
        if (Ioctl(control, Remove, number) == 0)
            _ = Ioctl(control, Add, number);
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(SafeFileHandle handle, nuint request, nint number);
}
