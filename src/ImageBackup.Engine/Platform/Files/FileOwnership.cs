using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>What a file must not let others do.</summary>
internal enum FilePrivacy
{
    /// <summary>Only its owner may change it: it tells us what to do.</summary>
    Orders,

    /// <summary>Nobody but its owner may read it either: it holds a secret.</summary>
    Secret,
}

/// <summary>
/// Who else may change or read a file on Linux. The open file is asked, not its name, which may mean another one by now; then
/// the directories that lead to it, because who may rename in them puts another file in its place. Layouts: linux/stat.h.
/// </summary>
internal static class FileOwnership
{
    // struct statx: stx_uid, stx_mode.
    private const int StatusBytes = 256;
    private const int OwnerOffset = 20;
    private const int ModeOffset = 28;
    private const int OwnerAndModeMask = 0x1 | 0x2 | 0x8;
    private const int CurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const int EmptyPath = 0x1000;
    private const int KindMask = 0xF000, Pipe = 0x1000, RegularFile = 0x8000, SymbolicLink = 0xA000;
    private const int Sticky = 0x200;
    private const int GroupAndOthers = 0x3F;
    private const int WriteOfGroupAndOthers = 0x12;
    private const int MaxPathBytes = 4096;

    /// <summary>What keeps an open file from being this user's or root's alone; null: nothing.</summary>
    public static string? Complaint(SafeHandle file, FilePrivacy privacy)
    {
        if (Status(file.DangerousGetHandle().ToInt32(), [0], EmptyPath) is not var (owner, mode))
            return $"the system does not say whose it is (errno {Marshal.GetLastWin32Error()})";
        if (!IsOurs(owner))
            return $"it belongs to another user ({owner})";
        if ((mode & WriteOfGroupAndOthers) != 0)
            return $"others than its owner may write to it (mode {Octal(mode)})";
        return privacy == FilePrivacy.Secret && (mode & GroupAndOthers) != 0 ? $"others than its owner may use it (mode {Octal(mode)})" : null;
    }

    /// <summary>A pipe gives its content once and has no length.</summary>
    public static bool IsPipe(SafeHandle file) => KindOf(file) == Pipe;

    public static bool IsRegular(SafeHandle file) => KindOf(file) == RegularFile;

    private static int? KindOf(SafeHandle file) => Status(file.DangerousGetHandle().ToInt32(), [0], EmptyPath) is var (_, mode) ? mode & KindMask : null;

    /// <summary>
    /// What lets others put another file in an open file's place: one of the directories, by the name that was given and by where
    /// it led, or a link on the way; null: nothing. In a directory with the sticky bit only an entry's owner renames it.
    /// </summary>
    /// <param name="path">Full path that the file was opened by.</param>
    /// <param name="file">The open file; null: only the name is evaluated.</param>
    public static string? PlaceComplaint(string path, SafeHandle? file)
    {
        var evaluated = new HashSet<string>(StringComparer.Ordinal);
        return DirectoryComplaint(path, evaluated)
            ?? (file is not null && RealPath(file) is { } real ? DirectoryComplaint(real, evaluated) : null);
    }

    private static string? DirectoryComplaint(string path, HashSet<string> evaluated)
    {
        for (string current = path; current.Length > 1;)
        {
            // The last step is the file itself, of which only its being a link counts here.
            if (Status(CurrentDirectory, Native(current), NoFollow) is var (linkOwner, linkMode) && (linkMode & KindMask) == SymbolicLink && !IsOurs(linkOwner))
                return $"the link '{current}' belongs to another user ({linkOwner})";
            int slash = current.LastIndexOf('/');
            current = slash <= 0 ? "/" : current.Substring(0, slash);
            if (!evaluated.Add(current))
                continue;
            // A directory that is not there yet is made by us.
            if (Status(CurrentDirectory, Native(current), 0) is not var (owner, mode))
                continue;
            if (!IsOurs(owner))
                return $"its directory '{current}' belongs to another user ({owner})";
            if ((mode & WriteOfGroupAndOthers) != 0 && (mode & Sticky) == 0)
                return $"others than its owner may write to its directory '{current}' (mode {Octal(mode)})";
        }
        return null;
    }

    /// <summary>Where an open file lies now; null if that is not a path, or /proc is not there.</summary>
    private static string? RealPath(SafeHandle file)
    {
        var buffer = new byte[MaxPathBytes];
        int count = readlink(Native("/proc/self/fd/" + file.DangerousGetHandle().ToInt32()), buffer, (UIntPtr)buffer.Length).ToInt32();
        return count > 0 && buffer[0] == (byte)'/' ? Encoding.UTF8.GetString(buffer, 0, count) : null;
    }

    private static (uint Owner, int Mode)? Status(int directory, byte[] path, int flags)
    {
        var status = new byte[StatusBytes];
        return statx(directory, path, flags, OwnerAndModeMask, status) == 0
            ? (BitConverter.ToUInt32(status, OwnerOffset), BitConverter.ToUInt16(status, ModeOffset))
            : null;
    }

    private static bool IsOurs(uint owner) => owner == 0 || owner == geteuid();

    private static string Octal(int mode) => Convert.ToString(mode & 0xFFF, 8);

    private static byte[] Native(string path) => Encoding.UTF8.GetBytes(path + "\0");

#pragma warning disable IDE1006 // The names are libc's.
    [DllImport("libc", SetLastError = true)]
    private static extern int statx(int directory, byte[] path, int flags, uint mask, byte[] result);

    [DllImport("libc")]
    private static extern IntPtr readlink(byte[] path, byte[] buffer, UIntPtr size);

    [DllImport("libc")]
    private static extern uint geteuid();
#pragma warning restore IDE1006
}
