using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>Makes an ext4 volume two thirds full of this machine's own files, with stale data in some of its free blocks.</summary>
internal static class BenchVolume
{
    public static string Make(string path, int sizeGiB)
    {
        if (File.Exists(path))
            return path;
        string mount = path + ".mnt";
        Directory.CreateDirectory(mount);
        Tool.Run("truncate", "-s", sizeGiB.ToString(CultureInfo.InvariantCulture) + "G", path);
        Tool.Run("mkfs.ext4", "-q", "-F", path);
        Tool.Run("mount", "-o", "loop", path, mount);
        try
        {
            long targetBytes = sizeGiB * (1L << 30) * 2 / 3, staleBytes = sizeGiB * (1L << 30) / 16;
            // What will be deleted again: a tool that copies whole devices copies it all the same.
            Fill(Path.Combine(mount, "stale"), staleBytes);
            Fill(Path.Combine(mount, "files"), targetBytes);
            Tool.Run("rm", "-r", Path.Combine(mount, "stale"));
            Tool.Run("sync");
        }
        finally
        {
            Tool.Run("umount", mount);
            Directory.Delete(mount);
        }
        return path;
    }

    /// <summary>Copies files of /usr, in a fixed order, until so many bytes are there.</summary>
    private static void Fill(string target, long targetBytes)
    {
        long doneBytes = 0;
        int copy = 0;
        while (doneBytes < targetBytes)
        {
            int number = copy++;
            foreach (string file in Sources())
            {
                if (doneBytes >= targetBytes)
                    return;
                string to = Path.Combine(target, number.ToString(CultureInfo.InvariantCulture), file.TrimStart('/'));
                try
                {
                    Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                    File.Copy(file, to);
                    doneBytes += new FileInfo(to).Length;
                }
                catch (Exception e) when (e is UnauthorizedAccessException or FileNotFoundException)
                {
                }
            }
            if (copy > 4)
                throw new InvalidOperationException("This machine has too few files in /usr to fill the volume.");
        }
    }

    private static IEnumerable<string> Sources()
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };
        return new[] { "/usr/bin", "/usr/share", "/usr/lib", "/opt" }.Where(Directory.Exists)
            .SelectMany(d => Directory.EnumerateFiles(d, "*", options).Order(StringComparer.Ordinal));
    }
}
