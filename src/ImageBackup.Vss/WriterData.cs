using System;
using System.Collections.Generic;
using System.Linq;
using Alphaleonis.Win32.Vss;

namespace ImageBackup.Vss;

/// <summary>Where a writer's data lies, by the file sets of its components ("Working with File Descriptors").</summary>
internal static class WriterData
{
    private const string ObjectPrefix = @"\\?\";

    /// <summary>False only if no file of any component of it can be on one of the volumes.</summary>
    public static bool MayLieOn(IVssExamineWriterMetadata writer, IReadOnlyList<VolumeDescription> volumes)
    {
        string[] roots = [.. volumes.SelectMany(volume => volume.MountPoints.Concat(volume.Aliases).Append(volume.Name)).Select(WithSeparator)];
        foreach (IVssWMComponent component in writer.Components)
        {
            using (component)
            {
                if (component.Files.Concat(component.DatabaseFiles).Concat(component.DatabaseLogFiles).Any(file => MayLieUnder(file, roots)))
                    return true;
            }
        }
        return false;
    }

    private static bool MayLieUnder(VssWMFileDescriptor file, string[] roots)
    {
        string path = WithSeparator(Environment.ExpandEnvironmentVariables(file.Path ?? ""));
        bool isPlaced = path.StartsWith(ObjectPrefix, StringComparison.Ordinal) || (path.Length > 2 && path[1] == ':' && path[2] == '\\');
        // A share, a variable that only the writer knows, nothing: it may be anywhere. What is mounted deeper counts for both volumes.
        return !isPlaced || roots.Any(root => path.StartsWith(root, StringComparison.OrdinalIgnoreCase)
            || (file.IsRecursive && root.StartsWith(path, StringComparison.OrdinalIgnoreCase)));
    }

    private static string WithSeparator(string path) => path.EndsWith("\\", StringComparison.Ordinal) ? path : path + "\\";
}
