using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Items.Drive;

namespace ImageBackup.Session;

/// <summary>A repository that drives of a session show: open, with the paths below its location. Pipeline thread only.</summary>
internal sealed class BrowsedRepository : IDisposable
{
    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);
    private readonly bool _isOwner;

    /// <param name="isOwner">The connection is closed with this.</param>
    public BrowsedRepository(RepositoryConnection connection, bool isOwner)
    {
        Connection = connection;
        _isOwner = isOwner;
        Tree = new DriveTree(() => connection.Repository);
        RootParts = PartsOf(connection.Location);
        Root = string.Join(Path.DirectorySeparatorChar.ToString(), RootParts.Select(DriveNames.Escape));
    }

    public RepositoryConnection Connection { get; }
    public DriveTree Tree { get; }

    /// <summary>
    /// The location as the beginning of a path: its parts are escaped as names on the drive, and no separator comes first. A path that PowerShell
    /// could take for one of the file system would be written to there: Set-Content does it with what is not there yet.
    /// </summary>
    public string Root { get; }

    /// <summary>How many drives show it; 0: a path names it without a drive.</summary>
    public int DriveCount { get; set; }

    private string[] RootParts { get; }

    /// <summary>A path as the provider is given it: names that lead on from the repository's root, escaped; null if it does not lie there.</summary>
    public IReadOnlyList<string>? NamesOf(string path)
    {
        IReadOnlyList<string> parts = DriveNames.Split(path);
        if (parts.Count < RootParts.Length)
            return null;
        for (int i = 0; i < RootParts.Length; i++)
        {
            if (!string.Equals(DriveNames.Unescape(parts[i]), RootParts[i], s_isWindows ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal))
                return null;
        }
        return [.. parts.Skip(RootParts.Length)];
    }

    public int RootLength => RootParts.Length;

    public string PathOf(IReadOnlyList<string> names) =>
        names.Count == 0 ? Root : Root + Path.DirectorySeparatorChar + string.Join(Path.DirectorySeparatorChar.ToString(), names);

    /// <summary>The repository that a path of the file system lies in or names, and the names that lead on from it; null if none does.</summary>
    /// <param name="path">A full path; its parts may be escaped, and separators at its beginning may be missing.</param>
    public static (string Location, IReadOnlyList<string> Names)? Find(string path)
    {
        foreach (bool isEscaped in (bool[])[false, true])
        {
            IReadOnlyList<string> written = isEscaped ? DriveNames.Split(path) : PartsOf(path);
            for (int count = written.Count; count > 0; count--)
            {
                string location = Rooted(written.Take(count).Select(part => isEscaped ? DriveNames.Unescape(part) : part));
                if (File.Exists(Path.Combine(location, "config")) && Directory.Exists(Path.Combine(location, "snapshots")))
                    return (location, [.. written.Skip(count)]);
            }
        }
        return null;
    }

    // On Linux a backslash is a letter of a name.
    private static string[] PartsOf(string path) => path.Split(s_isWindows ? ['/', '\\'] : ['/'], StringSplitOptions.RemoveEmptyEntries);

    private static string Rooted(IEnumerable<string> parts)
    {
        string joined = string.Join(Path.DirectorySeparatorChar.ToString(), parts);
        if (!s_isWindows)
            return "/" + joined;
        bool isOfDrive = joined.Length >= 2 && joined[1] == ':';
        return isOfDrive ? joined + (joined.Length == 2 ? "\\" : "") : @"\\" + joined;
    }

    public void Dispose()
    {
        Tree.Dispose();
        if (_isOwner)
            Connection.Dispose();
    }
}
