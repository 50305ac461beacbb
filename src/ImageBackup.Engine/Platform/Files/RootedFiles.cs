using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>A directory below the root is a link: the files behind it belong to another user.</summary>
internal sealed class LinkInRepositoryException(string path, string? target)
    : IOException($"'{path}' is a link{(target is null ? "" : $" to '{target}'")}: nothing is written, renamed or removed through it.");

/// <summary>
/// Changes to files below one directory that no link below it can lead elsewhere. The root may be a link itself. Linux: each
/// directory on the way is opened from the one before it without following a link, and the change is made by that handle, so
/// that nobody can put a link there in between. Windows: the directories are held open meanwhile, so that nobody can rename
/// them.
/// </summary>
internal sealed class RootedFiles(string root)
{
    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>Removes a file, or the link in its place; one that is not there is no error.</summary>
    /// <exception cref="LinkInRepositoryException">A directory on the way is a link.</exception>
    /// <exception cref="IOException">It cannot be removed.</exception>
    /// <exception cref="UnauthorizedAccessException">The system denies it.</exception>
    public void Delete(string path) => In(path, (directory, name) =>
    {
        if (directory is not { } handle)
        {
            // restic leaves its packs read-only; Windows then refuses to delete them.
            if (File.Exists(path))
                File.SetAttributes(path, FileAttributes.Normal);
            File.Delete(path);
            return;
        }
        if (UnixCalls.Retry(() => UnixCalls.unlinkat(handle, UnixCalls.Native(name), 0)) != 0 && Marshal.GetLastWin32Error() is var error && error != UnixCalls.NotThere)
            throw UnixCalls.Failure(error, path);
    });

    /// <summary>Renames a file to a free name.</summary>
    /// <exception cref="LinkInRepositoryException">A directory on the way is a link.</exception>
    /// <exception cref="IOException">It cannot be renamed.</exception>
    /// <exception cref="UnauthorizedAccessException">The system denies it.</exception>
    public void Move(string from, string to) => In(from, (fromDirectory, fromName) => In(to, (toDirectory, toName) =>
    {
        if (fromDirectory is not { } fromHandle || toDirectory is not { } toHandle)
        {
            File.Move(from, to);
            return;
        }
        int error = Rename(fromHandle, UnixCalls.Native(fromName), toHandle, UnixCalls.Native(toName));
        if (error != 0)
            throw UnixCalls.Failure(error, error == UnixCalls.NotThere ? from : to);
    }));

    /// <summary>Makes a file for its owner alone; the name must be free.</summary>
    /// <exception cref="LinkInRepositoryException">A directory on the way is a link.</exception>
    public FileStream Create(string path, int bufferSizeBytes)
    {
        FileStream? made = null;
        // The kernel's name for an open directory: the runtime's own way of making a file, in that very directory.
        In(path, (directory, name) => made = DurableFiles.CreatePrivateFile(
            directory is { } handle && Directory.Exists("/proc/self/fd") ? $"/proc/self/fd/{handle}/{name}" : path, bufferSizeBytes));
        return made!;
    }

    /// <summary>Throws if the directory, or one on the way to it, is a link. One that is not there is none.</summary>
    /// <exception cref="LinkInRepositoryException">It is.</exception>
    public void ThrowIfLinked(string directory)
    {
        try
        {
            In(Path.Combine(directory, "."), (_, _) => { });
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
        }
    }

    /// <summary>Calls with the handle of the file's directory (null on Windows, where the directories are held) and the file's name.</summary>
    private void In(string path, Action<int?, string> action)
    {
        string[] parts = PartsOf(path);
        if (s_isWindows)
            InHeld(parts, () => action(null, parts[parts.Length - 1]));
        else
            InOpened(parts, action);
    }

    private string[] PartsOf(string path)
    {
        char[] separators = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];
        string below = path.Length > root.Length && path.StartsWith(root, StringComparison.Ordinal)
            ? path.Substring(root.Length)
            : throw new ArgumentException($"'{path}' does not lie in '{root}'.", nameof(path));
        string[] parts = below.Split(separators, StringSplitOptions.RemoveEmptyEntries);
        foreach (string part in parts)
        {
            if (part == "..")
                throw new ArgumentException($"'{path}' leads out of '{root}'.", nameof(path));
        }
        return parts;
    }

    private void InOpened(string[] parts, Action<int?, string> action)
    {
        int flags = UnixCalls.PathOnly | UnixCalls.DirectoryOnly | UnixCalls.CloseOnExec;
        string at = root;
        int descriptor = UnixCalls.Retry(() => UnixCalls.open(UnixCalls.Native(root), flags, 0));
        if (descriptor < 0)
            throw UnixCalls.Failure(Marshal.GetLastWin32Error(), root);
        try
        {
            for (int i = 0; i < parts.Length - 1; i++)
            {
                int parent = descriptor;
                string name = parts[i];
                at = Path.Combine(at, name);
                int next = UnixCalls.Retry(() => UnixCalls.openat(parent, UnixCalls.Native(name), flags | UnixCalls.NoFollow, 0));
                if (next < 0)
                {
                    int error = Marshal.GetLastWin32Error();
                    throw UnixCalls.TypeOf(parent, name) == UnixCalls.LinkType
                        ? new LinkInRepositoryException(at, UnixCalls.LinkTarget(parent, name))
                        : UnixCalls.Failure(error == UnixCalls.NotThere ? UnixCalls.NotADirectory : error, at);
                }
                _ = UnixCalls.close(descriptor);
                descriptor = next;
            }
            action(descriptor, parts[parts.Length - 1]);
        }
        finally
        {
            _ = UnixCalls.close(descriptor);
        }
    }

    private void InHeld(string[] parts, Action action)
    {
        var held = new List<SafeFileHandle?>();
        try
        {
            string at = root;
            for (int i = 0; i < parts.Length - 1; i++)
            {
                at = Path.Combine(at, parts[i]);
                held.Add(WindowsFileKind.HoldDirectory(at, followsLink: false));
            }
            action();
        }
        finally
        {
            held.ForEach(handle => handle?.Dispose());
        }
    }

    /// <summary>Renames without replacing; if the file system cannot, by a second name and removing the first. 0, or the errno.</summary>
    private static int Rename(int fromDirectory, byte[] from, int toDirectory, byte[] to)
    {
        if (UnixCalls.renameat2(fromDirectory, from, toDirectory, to, UnixCalls.NoReplace) == 0)
            return 0;
        int error = Marshal.GetLastWin32Error();
        if (error is not (UnixCalls.Invalid or UnixCalls.NotImplemented or UnixCalls.NotSupported))
            return error;
        if (UnixCalls.linkat(fromDirectory, from, toDirectory, to, 0) == 0)
        {
            _ = UnixCalls.unlinkat(fromDirectory, from, 0);
            return 0;
        }
        error = Marshal.GetLastWin32Error();
        if (error is not (UnixCalls.NotPermitted or UnixCalls.NotSupported or UnixCalls.NotImplemented))
            return error;
        // Neither: names are content hashes, so the file that exists has our content.
        return UnixCalls.renameat(fromDirectory, from, toDirectory, to) == 0 ? 0 : Marshal.GetLastWin32Error();
    }
}
