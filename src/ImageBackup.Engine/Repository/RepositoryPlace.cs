using System;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Engine.Repository;

/// <summary>Where a repository may be created: nowhere, an empty directory, or what a creation that ended half way left.</summary>
internal static class RepositoryPlace
{
    /// <summary>These may hold what a creation writes before the 'config', which makes it a repository.</summary>
    private static readonly string[] s_begun = ["keys", "tmp"];
    private static readonly string[] s_empty = ["index", "locks", "snapshots"];

    /// <summary>What a file system has in its root before anybody puts anything there.</summary>
    private static readonly string[] s_ofFileSystem = ["lost+found", "System Volume Information", "$RECYCLE.BIN"];

    /// <exception cref="ImageBackupException">RepositoryExists, RepositoryAccessDenied.</exception>
    public static void ThrowIfTaken(string location)
    {
        try
        {
            if (File.Exists(location))
                throw new ImageBackupException(ErrorId.RepositoryExists, $"'{location}' is a file.", location);
            if (Directory.Exists(location) && Directory.EnumerateFileSystemEntries(location).Any(entry => !IsLeftOver(entry)))
                throw new ImageBackupException(ErrorId.RepositoryExists, $"The directory '{location}' is not empty.", location);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ImageBackupException(ErrorId.RepositoryAccessDenied, $"The directory '{location}' may not be read.", location, e);
        }
    }

    /// <summary>One of a repository's directories, with no pack, index, snapshot record or lock in it: nothing can have been stored.</summary>
    private static bool IsLeftOver(string path)
    {
        var directory = new DirectoryInfo(path);
        if (!directory.Exists || (directory.Attributes & FileAttributes.ReparsePoint) != 0)
            return false;
        // Not looked into: they are the system's, and often closed to other users.
        if (s_ofFileSystem.Contains(directory.Name, StringComparer.OrdinalIgnoreCase))
            return true;
        if (s_begun.Contains(directory.Name))
            return !directory.EnumerateDirectories().Any() && directory.EnumerateFiles().All(IsOwnFile);
        if (s_empty.Contains(directory.Name))
            return !directory.EnumerateFileSystemInfos().Any();
        return directory.Name == "data" && directory.EnumerateFileSystemInfos().All(entry =>
            entry is DirectoryInfo { Name.Length: 2 } shard && !shard.EnumerateFileSystemInfos().Any());
    }

    private static bool IsOwnFile(FileInfo file) =>
        file.Name.StartsWith("imagebackup-", StringComparison.Ordinal)
        || Hex.IsName(file.Name);
}
