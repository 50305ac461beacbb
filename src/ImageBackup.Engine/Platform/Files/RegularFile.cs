using System;
using System.IO;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>Something else lies where a regular file belongs: a link, a pipe, a device, a directory. The message says what.</summary>
internal sealed class NotRegularFileException(string path, string what) : IOException($"'{path}' is {what}, not a regular file.");

/// <summary>
/// Opens files that somebody else may have put there. Opening a pipe waits for its writer, a device may do anything,
/// and a link leads elsewhere. So the name is opened without waiting and without following a link, and the handle is asked
/// what it is before a byte is read.
/// </summary>
internal static class RegularFile
{
    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>Unbuffered. Others may write, rename and remove the file meanwhile.</summary>
    /// <param name="path">The file. Links on the way to it are followed.</param>
    /// <param name="followsLink">A link in the file's own place is followed too: for files that a user names.</param>
    /// <exception cref="NotRegularFileException">It is not a regular file.</exception>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="DirectoryNotFoundException">A directory on the way is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">The system denies it.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static FileStream OpenRead(string path, bool followsLink = false) =>
        s_isWindows ? WindowsFileKind.OpenRead(path, followsLink) : OpenOnUnix(path, followsLink);

    /// <summary>The whole file, of at most so many bytes.</summary>
    /// <exception cref="IOException">As <see cref="OpenRead"/>; also for a longer file.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static byte[] ReadAll(string path, int limitBytes, bool followsLink = false)
    {
        using FileStream stream = OpenRead(path, followsLink);
        long lengthBytes = stream.Length;
        if (lengthBytes > limitBytes)
            throw new IOException($"'{path}' is {lengthBytes} bytes long; at most {limitBytes} are read.");
        byte[] content = new byte[lengthBytes];
        int done = 0;
        for (int countBytes; done < content.Length && (countBytes = stream.Read(content, done, content.Length - done)) > 0;)
            done += countBytes;
        if (done < content.Length)
            Array.Resize(ref content, done);
        return content;
    }

    private static FileStream OpenOnUnix(string path, bool followsLink)
    {
        int flags = UnixCalls.NonBlocking | UnixCalls.CloseOnExec | UnixCalls.NoControllingTerminal | (followsLink ? 0 : UnixCalls.NoFollow);
        int descriptor = UnixCalls.Retry(() => UnixCalls.open(UnixCalls.Native(path), flags, 0));
        if (descriptor < 0)
        {
            int error = Marshal.GetLastWin32Error();
            // A socket cannot be opened at all.
            throw error switch
            {
                UnixCalls.TooManyLinks when !followsLink => new NotRegularFileException(path, "a symbolic link"),
                UnixCalls.NoSuchDevice => new NotRegularFileException(path, "a socket or a device without a driver"),
                _ => UnixCalls.Failure(error, path),
            };
        }
        var handle = new SafeFileHandle((IntPtr)descriptor, ownsHandle: true);
        try
        {
            if (UnixCalls.TypeOf(descriptor) is var type && type != UnixCalls.RegularType)
                throw new NotRegularFileException(path, UnixCalls.TypeName(type));
            return UnixCalls.ReadStream(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}
