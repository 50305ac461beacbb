using System;
using System.Collections.Generic;
using System.IO;

namespace ImageBackup.Engine.Volumes.Undo;

/// <summary>
/// What undo records and their directories are called. 0.1.0 called the directory "held" and let the files end in ".held": these are
/// found for ever, and no new ones are written.
/// </summary>
internal static class UndoRecordFiles
{
    public const string DirectoryName = "undo";
    public const string Suffix = ".undo";
    private const string OldDirectoryName = "held";
    private const string OldSuffix = ".held";

    /// <summary>The directory, and the one that 0.1.0 used in its place.</summary>
    public static string[] DirectoriesToRead(string directory)
    {
        string full = Path.GetFullPath(directory);
        return Path.GetFileName(full) == DirectoryName && Path.GetDirectoryName(full) is { } parent ? [directory, Path.Combine(parent, OldDirectoryName)] : [directory];
    }

    /// <summary>Whether a file of this name is a whole record of the kind.</summary>
    public static bool IsRecord(string name, string kind) => name.StartsWith(kind + "-", StringComparison.Ordinal)
        && (name.EndsWith(Suffix, StringComparison.Ordinal) || name.EndsWith(OldSuffix, StringComparison.Ordinal));
}
