using System.IO;
using System.Linq;

namespace ImageBackup.Bench;

/// <summary>Files and directories that a measurement makes and leaves.</summary>
internal static class WorkFiles
{
    public static long SizeOf(string directory) => Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);

    public static void Delete(string path)
    {
        if (Directory.Exists(path))
            Tool.Run("rm", "-rf", path);
        else
            File.Delete(path);
    }
}
