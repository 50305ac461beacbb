using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;

namespace ImageBackup.Engine.Volumes.Linux.InUse;

/// <summary>A process that keeps a file system from being remounted read-only, and one of the files.</summary>
internal sealed record VolumeUser(int ProcessId, string Name, string Path)
{
    public override string ToString() => $"{Name} ({ProcessId.ToString(CultureInfo.InvariantCulture)}: {Path})";
}

/// <summary>
/// Finds by /proc who writes to a file system: files open for writing, files deleted and still open, shared writable
/// mappings. Layouts: proc_pid_fdinfo(5), proc_pid_maps(5). Nothing is opened or stat'ed but /proc, so no dead server can hold us.
/// </summary>
internal static class ProcessUse
{
    private const int MaxUsers = 16;
    private const int AccessModeMask = 3;
    private const string DeletedMark = " (deleted)";

    /// <summary>At most 16; of each process the first file. Processes that may not be looked into are passed over.</summary>
    /// <param name="roots">Where /proc is.</param>
    /// <param name="device">The mounted file system's device, as mountinfo has it.</param>
    public static IReadOnlyList<VolumeUser> Writers(LinuxRoots roots, DeviceNumber device)
    {
        var users = new List<VolumeUser>();
        var mountsByNamespace = new Dictionary<string, HashSet<long>>(StringComparer.Ordinal);
        foreach (string name in LinuxRoots.Names(roots.Proc))
        {
            if (users.Count >= MaxUsers)
                break;
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                continue;
            string process = Path.Combine(roots.Proc, name);
            string space = LinkText(Path.Combine(process, "ns", "mnt")) ?? name;
            if (!mountsByNamespace.TryGetValue(space, out HashSet<long>? mounts))
            {
                mounts = [.. MountTable.Parse(LinuxRoots.TryReadText(Path.Combine(process, "mountinfo")) ?? "")
                    .Where(mount => mount.Device == device).Select(mount => mount.Id)];
                mountsByNamespace.Add(space, mounts);
            }
            if (mounts.Count > 0 && (OpenFile(process, mounts) ?? MappedFile(process, device)) is { } path)
                users.Add(new VolumeUser(id, LinuxRoots.TryReadText(Path.Combine(process, "comm")) ?? "?", path));
        }
        return users;
    }

    private static string? OpenFile(string process, HashSet<long> mounts)
    {
        foreach (string number in LinuxRoots.Names(Path.Combine(process, "fdinfo")))
        {
            if (LinuxRoots.TryReadText(Path.Combine(process, "fdinfo", number)) is not { } info)
                continue;
            long? mount = null;
            int flags = 0;
            foreach (string line in info.Split('\n'))
            {
                if (line.StartsWith("mnt_id:", StringComparison.Ordinal) && long.TryParse(line.Substring(7).Trim(), out long id))
                    mount = id;
                else if (line.StartsWith("flags:", StringComparison.Ordinal))
                    flags = Octal(line.Substring(6).Trim());
            }
            if (mount is not { } at || !mounts.Contains(at))
                continue;
            string path = LinkText(Path.Combine(process, "fd", number)) ?? "?";
            if ((flags & AccessModeMask) != 0 || path.EndsWith(DeletedMark, StringComparison.Ordinal))
                return path;
        }
        return null;
    }

    private static string? MappedFile(string process, DeviceNumber device)
    {
        string wanted = device.Major.ToString("x2", CultureInfo.InvariantCulture) + ":" + device.Minor.ToString("x2", CultureInfo.InvariantCulture);
        foreach (string line in (LinuxRoots.TryReadText(Path.Combine(process, "maps")) ?? "").Split('\n'))
        {
            // address perms offset dev inode path
            string[] fields = line.Split([' '], 6, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length == 6 && fields[3] == wanted && fields[1].Length == 4 && fields[1][1] == 'w' && fields[1][3] == 's')
                return fields[5];
        }
        return null;
    }

    private static int Octal(string text)
    {
        int value = 0;
        foreach (char digit in text)
            value = digit is >= '0' and <= '7' && value < 1 << 27 ? (value * 8) + (digit - '0') : value;
        return value;
    }

    /// <summary>What a symbolic link says, which in /proc need not be a path.</summary>
    private static string? LinkText(string path)
    {
        byte[] buffer = new byte[4096];
        nint count = Libc.readlink(LinuxPath.ToNative(path), buffer, (nuint)buffer.Length);
        return count < 0 ? null : System.Text.Encoding.UTF8.GetString(buffer, 0, (int)count);
    }
}
