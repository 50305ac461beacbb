using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Volumes.Linux.Mounts;

/// <summary>Reads /proc/swaps: the devices and files that are active swap.</summary>
internal static class SwapTable
{
    private const string DeletedMark = " (deleted)";

    /// <summary>Paths as the kernel has them; the heading and what is not a path are passed over.</summary>
    public static IReadOnlyList<string> Parse(string text)
    {
        var swaps = new List<string>();
        foreach (string line in text.Split('\n'))
        {
            // The name is escaped as in mountinfo, so it holds no blank.
            int end = line.IndexOfAny([' ', '\t']);
            if (end <= 0 || line[0] != '/')
                continue;
            string path = MountTable.Unescape(line.Substring(0, end));
            swaps.Add(path.EndsWith(DeletedMark, StringComparison.Ordinal)
                ? path.Substring(0, path.Length - DeletedMark.Length)
                : path);
        }
        return swaps;
    }
}
