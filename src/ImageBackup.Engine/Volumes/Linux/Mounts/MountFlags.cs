using System;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.Mounts;

/// <summary>
/// What mount(2) must be told again when it remounts: it clears every flag that it is not given. The times' flags
/// (relatime ...) are the exception: none given, they stay.
/// </summary>
internal static class MountFlags
{
    private static readonly (string Word, ulong Flag)[] s_mount =
    [
        ("nosuid", Libc.MS_NOSUID), ("nodev", Libc.MS_NODEV), ("noexec", Libc.MS_NOEXEC), ("nosymfollow", Libc.MS_NOSYMFOLLOW),
    ];

    private static readonly (string Word, ulong Flag)[] s_super =
    [
        ("sync", Libc.MS_SYNCHRONOUS), ("mand", Libc.MS_MANDLOCK), ("lazytime", Libc.MS_LAZYTIME),
    ];

    /// <summary>All but read-only.</summary>
    public static ulong Of(MountEntry mount) => Flags(s_mount, mount.Options) | Flags(s_super, mount.SuperOptions);

    /// <summary>The file system itself is read-only, whatever its mounts say.</summary>
    public static bool IsSuperReadOnly(MountEntry mount) => Has(mount.SuperOptions, "ro");

    public static bool IsMountReadOnly(MountEntry mount) => Has(mount.Options, "ro");

    /// <summary>
    /// The file system's options but for ro and rw, to compare and to give again. Which subvolume it is belongs to the mount, though
    /// btrfs shows it here: two mounts of one file system differ in it.
    /// </summary>
    public static string WithoutAccess(string superOptions) =>
        string.Join(",", superOptions.Split(',').Where(option => option is not ("ro" or "rw")
            && !option.StartsWith("subvol=", StringComparison.Ordinal) && !option.StartsWith("subvolid=", StringComparison.Ordinal)));

    private static ulong Flags((string Word, ulong Flag)[] words, string options)
    {
        ulong flags = 0;
        foreach ((string word, ulong flag) in words)
            flags |= Has(options, word) ? flag : 0;
        return flags;
    }

    private static bool Has(string options, string word) => Array.IndexOf(options.Split(','), word) >= 0;
}
