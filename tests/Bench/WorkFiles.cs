using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;

namespace ImageBackup.Bench;

/// <summary>Files and directories that a measurement reads, makes and leaves.</summary>
internal static class WorkFiles
{
    public static long SizeOf(string directory) => Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);

    /// <summary>After a file system's flush its device may still be trimming, or moving what its cache took.</summary>
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(2);

    /// <summary>
    /// What every timed run begins with, so that none pays for what the one before it wrote or deleted: nothing waits to be
    /// written, and the file that will be read is in memory.
    /// </summary>
    public static void Rest(string directory, string? read = null)
    {
        if (read is not null)
            Load(read);
        Tool.Run("sync", "-f", directory);
        Thread.Sleep(s_rest);
    }

    /// <summary>Reads all files of a directory through: who is measured first does not read a disk for those that come after.</summary>
    public static void LoadAll(string directory)
    {
        foreach (string path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
            Load(path);
    }

    /// <summary>Reads a file through, whatever the runs before have pushed out of the system's cache.</summary>
    public static void Load(string path)
    {
        using FileStream stream = File.OpenRead(path);
        byte[] buffer = new byte[1 << 20];
        while (stream.Read(buffer) > 0)
        {
        }
    }

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
