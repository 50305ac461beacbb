using System.Diagnostics;
using System.IO;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>Files and directories that a measurement makes and leaves.</summary>
internal static class WorkFiles
{
    public static long SizeOf(string directory) => Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);

    /// <summary>Seconds until a file, or all files of a directory, are on the disk.</summary>
    public static double Flush(string path)
    {
        string[] files = Directory.Exists(path) ? Directory.GetFiles(path, "*", SearchOption.AllDirectories) : [path];
        var clock = Stopwatch.StartNew();
        Tool.Run("sync", files);
        return clock.Elapsed.TotalSeconds;
    }

    public static void Delete(string path)
    {
        if (Directory.Exists(path))
            Tool.Run("rm", "-rf", path);
        else
            File.Delete(path);
    }
}
