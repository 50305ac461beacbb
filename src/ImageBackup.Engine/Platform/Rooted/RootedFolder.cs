using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Platform.Rooted;

/// <summary>
/// An open directory into which files are restored. What happens in it happens in that very directory, even if somebody renames it or puts
/// a link in its place meanwhile: each is opened from the one before it without following a link (Linux), or held so that nobody can
/// rename it (Windows). Names are one name each: a separator, "." and ".." are a defect of the caller and refused.
/// </summary>
/// <remarks>Contract: any thread, several at once as long as each has names of its own. Failures are <see cref="IOException"/> and <see cref="UnauthorizedAccessException"/>.</remarks>
internal abstract class RootedFolder : IDisposable
{
    /// <summary>Opens a directory that is the user's own choice: it may be a link, and is made if it is not there.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="encodeName">Names as the bytes that they have on Unix.</param>
    public static RootedFolder Open(string path, Func<string, byte[]> encodeName)
    {
        Directory.CreateDirectory(path);
        return RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? new WindowsRootedFolder(path, null) : UnixRootedFolder.OpenRoot(path, encodeName);
    }

    /// <summary>Opens a directory in it, or makes it for its owner alone.</summary>
    /// <exception cref="LinkInRepositoryException">A link has the name.</exception>
    public abstract RootedFolder OpenOrCreate(string name);

    /// <summary>Whether anything has the name, and whether that is a directory. A link is not a directory, wherever it leads.</summary>
    public abstract (bool Exists, bool IsDirectory) Find(string name);

    /// <summary>Makes a file for its owner alone; the name must be free.</summary>
    public abstract RootedFile Create(string name);

    /// <summary>Removes a file, or the link in its place; one that is not there is not an error.</summary>
    public abstract void Delete(string name);

    /// <summary>Renames a file over another, or over the link in its place.</summary>
    public abstract void Replace(string temporary, string name);

    /// <summary>Makes a named stream of a file in it, which is ours and new (NTFS).</summary>
    /// <exception cref="PlatformNotSupportedException">Files have no streams on this system.</exception>
    public abstract RootedFile CreateStream(string name, string stream);

    /// <summary>Makes a second name of a file, in this directory or another one; the name must be free. A link has a second name itself; it is not followed.</summary>
    /// <param name="name">The file's name here.</param>
    /// <param name="directory">Where the second name is made: of the same system as this one.</param>
    /// <param name="secondName">The second name.</param>
    public abstract void CreateHardLink(string name, RootedFolder directory, string secondName);

    /// <summary>Makes a symbolic link; the name must be free. Nobody looks at the target.</summary>
    /// <exception cref="PlatformNotSupportedException">The runtime cannot make links on this system.</exception>
    public abstract void CreateLink(string name, string target, RestoredMetadata metadata);

    /// <summary>Sets what there is to set on the directory itself.</summary>
    /// <returns>What could not be set; empty if all was.</returns>
    public abstract IReadOnlyList<string> Set(RestoredMetadata metadata);

    protected static void RequireName(string name)
    {
        if (name.Length == 0 || name is "." or ".." || name.IndexOf('/') >= 0 || name.IndexOf('\0') >= 0)
            throw new ArgumentException($"'{name}' is not one name.", nameof(name));
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }
}
