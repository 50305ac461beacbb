using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;

namespace ImageBackup.Engine.Volumes.Windows.InUse;

/// <summary>
/// Who has files of a volume open, as far as the Restart Manager can tell. It is asked about files, not volumes: a bounded
/// number of them is named to it, those nearest to the root.
/// </summary>
internal static class VolumeUsers
{
    private const int MostFiles = 2000;
    private const int MostDepth = 6;
    private static readonly TimeSpan s_mostTime = TimeSpan.FromSeconds(2);

    /// <summary>"Notepad (1234)" for each; empty if it cannot be told. Never throws.</summary>
    public static IReadOnlyList<string> Of(IReadOnlyList<string> mountPoints)
    {
        if (mountPoints.Count == 0)
            return [];
        string[] files = Files(mountPoints[0]);
        return files.Length == 0 ? [] : OpenFileUsers.Of(files);
    }

    /// <summary>Breadth first, so that of a large volume the upper part is known.</summary>
    internal static string[] Files(string root)
    {
        var files = new List<string>();
        var pending = new Queue<(string Path, int Depth)>();
        pending.Enqueue((root, 0));
        Stopwatch watch = Stopwatch.StartNew();
        while (pending.Count > 0 && files.Count < MostFiles && watch.Elapsed < s_mostTime)
        {
            (string path, int depth) = pending.Dequeue();
            try
            {
                foreach (FileSystemInfo entry in new DirectoryInfo(path).EnumerateFileSystemInfos())
                {
                    if (files.Count == MostFiles || watch.Elapsed >= s_mostTime)
                        break;
                    // A link or a mount folder leads to another volume.
                    if ((entry.Attributes & FileAttributes.ReparsePoint) != 0)
                        continue;
                    if ((entry.Attributes & FileAttributes.Directory) == 0)
                        files.Add(entry.FullName);
                    else if (depth < MostDepth)
                        pending.Enqueue((entry.FullName, depth + 1));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or System.Security.SecurityException)
            {
                // A process that cannot be listed cannot be asked about.
            }
        }
        return [.. files];
    }

    internal static string Describe(string name, int processId) =>
        string.Format(CultureInfo.InvariantCulture, "{0} ({1})", name.Length == 0 ? "process" : name, processId);
}
