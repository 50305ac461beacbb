using System;
using System.IO;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Compat;

/// <summary>Who else may read a file. Linux alone: what Windows says is a list that only Windows can weigh.</summary>
internal static class FileOwnership
{
    // struct statx of linux/stat.h: stx_uid, stx_mode.
    private const int StatusBytes = 256;
    private const int OwnerOffset = 20;
    private const int ModeOffset = 28;
    private const int OwnerAndModeMask = 0x1 | 0x2 | 0x8;
    private const int EmptyPath = 0x1000;
    private const int GroupAndOthers = 0x3F;

    /// <summary>
    /// What keeps an open file from being this user's alone; null where nothing does. The open file is asked, not its
    /// name, which may mean another one by now.
    /// </summary>
    public static string? Complaint(FileStream file)
    {
        var status = new byte[StatusBytes];
        if (statx(file.SafeFileHandle.DangerousGetHandle().ToInt32(), [0], EmptyPath, OwnerAndModeMask, status) != 0)
            return $"the system does not say whose it is (errno {Marshal.GetLastWin32Error()})";
        uint owner = BitConverter.ToUInt32(status, OwnerOffset);
        int mode = BitConverter.ToUInt16(status, ModeOffset);
        if (owner != 0 && owner != geteuid())
            return $"it belongs to another user ({owner})";
        return (mode & GroupAndOthers) != 0 ? $"others than its owner may use it (mode {Convert.ToString(mode & 0x1FF, 8)})" : null;
    }

#pragma warning disable IDE1006 // The names are libc's.
    [DllImport("libc", SetLastError = true)]
    private static extern int statx(int directory, byte[] path, int flags, uint mask, byte[] result);

    [DllImport("libc")]
    private static extern uint geteuid();
#pragma warning restore IDE1006
}
