using System;
using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>
/// Opens files on Windows without following a reparse point that leads elsewhere (a symbolic link, a junction), and refuses what
/// is not a disk's file: a name may mean a pipe or a device. Reparse points that only say how a file is kept (deduplicated,
/// compressed, in a cloud) are read as the file that they are.
/// </summary>
internal static class WindowsFileKind
{
    private const uint GenericRead = 0x8000_0000;

    /// <summary>FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES: with attributes alone Windows does not ask what is shared, and nothing would be held.</summary>
    private const uint ListDirectory = 0x81;
    private const uint ShareRead = 1, ShareWrite = 2, ShareDelete = 4;
    private const uint OpenExisting = 3;
    private const uint OpenReparsePoint = 0x0020_0000;
    private const uint BackupSemantics = 0x0200_0000;

    /// <summary>SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION: the process that made a pipe of the name may ask who we are, and not act as us.</summary>
    private const uint NoImpersonation = 0x0011_0000;
    private const uint DiskType = 1, CharacterType = 2, PipeType = 3;
    private const int AttributeTagInfo = 9;
    private const uint ReparseAttribute = 0x400;

    /// <summary>The bit of a reparse tag that says: this name stands for another (ntifs.h, IsReparseTagNameSurrogate).</summary>
    private const uint NameSurrogate = 0x2000_0000;

    public static FileStream OpenRead(string path, bool followsLink)
    {
        SafeFileHandle handle = Open(path, followsLink ? 0 : OpenReparsePoint);
        try
        {
            uint type = GetFileType(handle);
            if (type != DiskType)
                throw new NotRegularFileException(path, type == PipeType ? "a pipe" : type == CharacterType ? "a device" : "something unknown");
            if (!followsLink && GetFileInformationByHandleEx(handle, AttributeTagInfo, out AttributeTag tag, Marshal.SizeOf<AttributeTag>())
                && (tag.Attributes & ReparseAttribute) != 0)
            {
                if ((tag.ReparseTag & NameSurrogate) != 0)
                    throw new NotRegularFileException(path, "a link");
                // The file's own content lies behind a filter, which answers if its reparse point is not asked for.
                handle.Dispose();
                handle = Open(path, 0);
            }
            return new FileStream(handle, FileAccess.Read, 1);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Makes a file, or a stream of one (<c>file:stream</c>, which the paths of .NET Framework refuse). The name must be free.</summary>
    /// <exception cref="IOException">It is not, or it cannot be made.</exception>
    public static FileStream CreateNew(string path)
    {
        const uint genericWrite = 0x4000_0000, createNew = 1;
        SafeFileHandle handle = CreateFileW(path, genericWrite, 0, IntPtr.Zero, createNew, OpenReparsePoint, IntPtr.Zero);
        if (!handle.IsInvalid)
            return new FileStream(handle, FileAccess.Write, 1);
        int error = Marshal.GetLastWin32Error();
        handle.Dispose();
        throw Failure(error, path);
    }

    /// <summary>Makes a second name of a file; the name must be free.</summary>
    /// <exception cref="IOException">It cannot be made: the file system has no such names, or the file has as many as it may.</exception>
    public static void CreateHardLink(string path, string secondPath)
    {
        if (!CreateHardLinkW(secondPath, path, IntPtr.Zero))
            throw Failure(Marshal.GetLastWin32Error(), secondPath);
    }

    private static Exception Failure(int error, string path)
    {
        const int accessDenied = 5;
        var failure = new IOException($"'{path}': {new Win32Exception(error).Message}", unchecked((int)0x80070000 | error));
        return error == accessDenied ? new UnauthorizedAccessException($"Access to '{path}' is denied.", failure) : failure;
    }

    /// <summary>
    /// Holds a directory so that nobody can rename it or put another in its place; null if it is not there.
    /// </summary>
    /// <exception cref="LinkInRepositoryException">It is a link.</exception>
    public static SafeFileHandle? HoldDirectory(string path, bool followsLink)
    {
        SafeFileHandle handle = CreateFileW(path, ListDirectory, ShareRead | ShareWrite, IntPtr.Zero, OpenExisting,
            BackupSemantics | (followsLink ? 0 : OpenReparsePoint), IntPtr.Zero);
        if (handle.IsInvalid)
        {
            int error = Marshal.GetLastWin32Error();
            handle.Dispose();
            const int fileNotFound = 2, pathNotFound = 3;
            return error is fileNotFound or pathNotFound ? null : throw new IOException($"'{path}': {new Win32Exception(error).Message}", unchecked((int)0x80070000 | error));
        }
        if (!followsLink && GetFileInformationByHandleEx(handle, AttributeTagInfo, out AttributeTag tag, Marshal.SizeOf<AttributeTag>())
            && (tag.Attributes & ReparseAttribute) != 0 && (tag.ReparseTag & NameSurrogate) != 0)
        {
            handle.Dispose();
            throw new LinkInRepositoryException(path, null);
        }
        return handle;
    }

    private static SafeFileHandle Open(string path, uint flags)
    {
        SafeFileHandle handle = CreateFileW(path, GenericRead, ShareRead | ShareWrite | ShareDelete, IntPtr.Zero, OpenExisting, flags | NoImpersonation, IntPtr.Zero);
        if (!handle.IsInvalid)
            return handle;
        int error = Marshal.GetLastWin32Error();
        handle.Dispose();
        const int fileNotFound = 2, pathNotFound = 3, accessDenied = 5;
        var failure = new IOException($"'{path}': {new Win32Exception(error).Message}", unchecked((int)0x80070000 | error));
        throw error switch
        {
            fileNotFound => new FileNotFoundException($"There is no file '{path}'.", path),
            pathNotFound => new DirectoryNotFoundException($"A directory on the way to '{path}' is missing."),
            // A directory is denied too if it is not asked for as one.
            accessDenied when Directory.Exists(path) => new NotRegularFileException(path, "a directory"),
            accessDenied => new UnauthorizedAccessException($"Access to '{path}' is denied.", failure),
            _ => failure,
        };
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct AttributeTag
    {
        public uint Attributes;
        public uint ReparseTag;
    }

    [DllImport("kernel32", SetLastError = true, CharSet = CharSet.Unicode, ExactSpelling = true)]
    private static extern SafeFileHandle CreateFileW(string path, uint access, uint share, IntPtr security, uint creation, uint flags, IntPtr template);

    [DllImport("kernel32", SetLastError = true, CharSet = CharSet.Unicode, ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CreateHardLinkW(string secondPath, string path, IntPtr security);

    [DllImport("kernel32", SetLastError = true)]
    private static extern uint GetFileType(SafeFileHandle handle);

    [DllImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetFileInformationByHandleEx(SafeFileHandle handle, int kind, out AttributeTag result, int sizeBytes);
}
