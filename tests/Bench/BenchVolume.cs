using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>Makes an ext4 volume two thirds full of this machine's own files, with stale data in its free blocks.</summary>
internal static class BenchVolume
{
    private const int BlockBytes = 4096;

    /// <param name="path">Where; a volume that is there already is taken as it is.</param>
    /// <param name="sizeGiB">Its size.</param>
    /// <param name="staleShare">How much of the volume held files that were deleted again; at most a quarter has room.</param>
    public static string Make(string path, int sizeGiB, double staleShare)
    {
        if (File.Exists(path))
            return path;
        string mount = path + ".mnt";
        Directory.CreateDirectory(mount);
        Tool.Run("truncate", "-s", sizeGiB.ToString(CultureInfo.InvariantCulture) + "G", path);
        // Small files use up a small volume's inodes before its blocks.
        Tool.Run("mkfs.ext4", sizeGiB < 4 ? ["-q", "-F", "-i", "4096", path] : ["-q", "-F", path]);
        Tool.Run("mount", "-o", "loop", path, mount);
        try
        {
            long sizeBytes = sizeGiB * (1L << 30);
            string[] sources = Sources().ToArray();
            // What will be deleted again: a tool that copies whole devices copies it all the same. Other files than those
            // that stay, or who finds equal data at any offset would have it for nothing.
            Fill(Path.Combine(mount, "stale"), (long)(sizeBytes * staleShare), sources.Reverse().ToArray());
            Fill(Path.Combine(mount, "files"), sizeBytes * 2 / 3, sources);
            Tool.Run("rm", "-r", Path.Combine(mount, "stale"));
        }
        finally
        {
            Tool.Run("umount", mount);
            Directory.Delete(mount);
        }
        // Once the loop device is gone its pages are the file's own, and would be written under the first who is measured.
        Tool.Run("sync");
        return path;
    }

    /// <summary>Copies files, in their order, until they take so many bytes of blocks.</summary>
    private static void Fill(string target, long targetBytes, IReadOnlyList<string> sources)
    {
        targetBytes -= targetBytes % BlockBytes;
        long doneBytes = 0;
        int copy = 0;
        while (doneBytes < targetBytes)
        {
            int number = copy++;
            foreach (string file in sources)
            {
                if (doneBytes >= targetBytes)
                    return;
                string to = Path.Combine(target, number.ToString(CultureInfo.InvariantCulture), file.TrimStart('/'));
                try
                {
                    long fileBytes = (new FileInfo(file).Length + BlockBytes - 1) / BlockBytes * BlockBytes;
                    // One large file more than was asked for, and a small volume is full.
                    if (fileBytes > targetBytes - doneBytes)
                        continue;
                    Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                    File.Copy(file, to);
                    doneBytes += fileBytes;
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
