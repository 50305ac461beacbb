using System;
using System.Collections.Generic;
using System.Text;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.Mounts;

/// <summary>One mount of this process's namespace.</summary>
/// <param name="Id">The mount's number, as statx gives it too.</param>
/// <param name="Device">The device of the mounted file system; anonymous for btrfs, overlay and the like.</param>
/// <param name="Root">Which part of the file system is mounted; "/" for all.</param>
/// <param name="MountPoint">Where.</param>
/// <param name="FileSystem">Type, as mount(8) names it.</param>
/// <param name="Source">What the file system says it comes from: a device, a share, or any word.</param>
/// <param name="SuperOptions">The file system's own options.</param>
/// <param name="Options">This mount's own: ro, nosuid, nodev ...</param>
internal sealed record MountEntry(
    long Id, DeviceNumber Device, string Root, string MountPoint, string FileSystem, string Source, string SuperOptions, string Options = "")
{
    private const string FuseDevice = "fuseblk", FuseOfRoot = "user_id=0";

    /// <summary>File systems that the kernel lets root alone mount, and that bear an anonymous number though they lie on devices.</summary>
    private static readonly string[] s_anonymousOfRoot = ["btrfs", "bcachefs", "erofs"];

    /// <summary>A driver in user space: what it calls its source, and whether it writes, is what its user wrote.</summary>
    public bool IsFuse => IsKind("fuse") || IsKind(FuseDevice);

    /// <summary>
    /// Whether <see cref="Source"/> may say which devices bear the file system. The device's number decides wherever there is
    /// one; the text is any word that who mounts it chooses (fusermount's fsname=), so it counts only if that was root.
    /// </summary>
    public bool IsSourceOfRoot => Device.IsAnonymous && Source.StartsWith("/", StringComparison.Ordinal)
        && (Array.IndexOf(s_anonymousOfRoot, FileSystem) >= 0
            || IsKind(FuseDevice)
            || (IsKind("fuse") && Array.IndexOf(SuperOptions.Split(','), FuseOfRoot) >= 0));

    /// <summary>The type, or a subtype of it: fuse.sshfs.</summary>
    private bool IsKind(string type) => FileSystem == type || FileSystem.StartsWith(type + ".", StringComparison.Ordinal);
}

/// <summary>Reads /proc/self/mountinfo. Layout: proc_pid_mountinfo(5).</summary>
internal static class MountTable
{
    private const int LeastFieldCount = 10;
    private const int DeviceField = 2;
    private const int RootField = 3;
    private const int MountPointField = 4;
    private const int OptionsField = 5;
    private const int FirstOptionalField = 6;

    /// <summary>Lines that are not of the form are passed over: a mount cannot be refused because of another's.</summary>
    public static IReadOnlyList<MountEntry> Parse(string text)
    {
        var mounts = new List<MountEntry>();
        foreach (string line in text.Split('\n'))
        {
            if (ParseLine(line) is { } mount)
                mounts.Add(mount);
        }
        return mounts;
    }

    private static MountEntry? ParseLine(string line)
    {
        string[] fields = line.Split(' ');
        if (fields.Length < LeastFieldCount - 1)
            return null;
        // Any number of optional fields, ended by a lone hyphen; then type, source and options.
        int separator = Array.IndexOf(fields, "-", FirstOptionalField);
        if (separator < 0 || separator + 2 >= fields.Length)
            return null;
        if (!long.TryParse(fields[0], out long id) || DeviceNumber.Parse(fields[DeviceField]) is not { } device)
            return null;
        return new MountEntry(id, device, Unescape(fields[RootField]), Unescape(fields[MountPointField]),
            Unescape(fields[separator + 1]), Unescape(fields[separator + 2]),
            separator + 3 < fields.Length ? Unescape(fields[separator + 3]) : "", Unescape(fields[OptionsField]));
    }

    /// <summary>
    /// Undoes the kernel's \ooo for blank, tab, newline, backslash and #. Bytes beyond ASCII are never escaped,
    /// so one escape is one character.
    /// </summary>
    public static string Unescape(string field)
    {
        if (field.IndexOf('\\') < 0)
            return field;
        var plain = new StringBuilder(field.Length);
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && IsOctal(field[i + 1]) && IsOctal(field[i + 2]) && IsOctal(field[i + 3]))
            {
                plain.Append((char)((((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0')) & 0xFF));
                i += 3;
            }
            else
            {
                plain.Append(field[i]);
            }
        }
        return plain.ToString();
    }

    private static bool IsOctal(char digit) => digit is >= '0' and <= '7';
}
