using System;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Kits;

/// <summary>The files that this process holds open, as Linux lists them.</summary>
internal static class OpenFiles
{
    /// <summary>How many handles lead to files below a folder. Other threads close theirs meanwhile.</summary>
    public static int Below(string folder) => Directory.GetFiles("/proc/self/fd").Count(fd => Target(fd).StartsWith(folder, StringComparison.Ordinal));

    private static string Target(string fd)
    {
        try
        {
            return File.ResolveLinkTarget(fd, returnFinalTarget: false)?.FullName ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
