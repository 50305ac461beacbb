using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using ImageBackup.Engine.Platform.Processes;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>Somebody else may have written the file, or may put another in its place. The message says how, and names no remedy.</summary>
internal sealed class UntrustedFileException(string message) : IOException(message);

/// <summary>
/// Opens the files that tell us what to do: rules, classes, the snapshot providers' commands, passwords, what a killed run must
/// undo. We may be root, and then who writes such a file is root too. So it must belong to this user or the system's
/// administrator, nobody else may write to it, and the same holds for the directories that lead to it.
/// </summary>
internal static class TrustedFile
{
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int NoControllingTerminal = 0x100;
    private const int NotPermitted = 1, NotThere = 2, AccessDenied = 13, NotADirectory = 20;
    private const int SetFlags = 4;
    private const short InputReady = 1;

    /// <summary>A writer of a pipe that says nothing for so long is gone; a program that prints a password may have to ask for it first.</summary>
    private const int PipeTimeoutMilliseconds = 4_000, SecretTimeoutMilliseconds = 60_000;
    private const int PollMilliseconds = 200;

    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>Unbuffered: no copy of a secret stays in a stream's buffer. Never waits for the maker of a pipe in the file's place.</summary>
    /// <exception cref="FileNotFoundException">There is none; also if a directory on the way is missing.</exception>
    /// <exception cref="UntrustedFileException">It is not to be relied on.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static FileStream OpenRead(string path, FilePrivacy privacy)
    {
        string full = Path.GetFullPath(path);
        if (s_isWindows)
            return OpenOnWindows(full);
        SafeFileHandle handle = Open(full);
        try
        {
            if (!FileOwnership.IsRegular(handle) && !FileOwnership.IsPipe(handle))
                throw new IOException($"'{path}' is not a plain file.");
            // Most telling first: whose the file is, then whose the way to it.
            if ((FileOwnership.Complaint(handle, privacy) ?? FileOwnership.PlaceComplaint(full, handle)) is { } complaint)
                throw new UntrustedFileException($"'{path}' is not used: {complaint}.");
            if (FileOwnership.IsPipe(handle))
                AwaitWriter(handle, path, privacy == FilePrivacy.Secret ? SecretTimeoutMilliseconds : PipeTimeoutMilliseconds);
            return new FileStream(handle, FileAccess.Read, 1);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>What keeps a file that is to be written there from being relied on; null: nothing.</summary>
    public static string? PlaceComplaint(string path) => s_isWindows
        ? WindowsAccess.DirectoryComplaint(Path.GetDirectoryName(Path.GetFullPath(path))!)
        : FileOwnership.PlaceComplaint(Path.GetFullPath(path), null);

    private static FileStream OpenOnWindows(string path)
    {
        // Who may rename or delete it while it is open must not be kept from doing so.
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
        try
        {
            if ((WindowsAccess.FileComplaint(stream.SafeFileHandle) ?? WindowsAccess.DirectoryComplaint(Path.GetDirectoryName(path)!)) is { } complaint)
                throw new UntrustedFileException($"'{path}' is not used: {complaint}.");
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private static SafeFileHandle Open(string path)
    {
        int descriptor = open(Encoding.UTF8.GetBytes(path + "\0"), NonBlocking | CloseOnExec | NoControllingTerminal);
        if (descriptor >= 0)
            return new SafeFileHandle((IntPtr)descriptor, ownsHandle: true);
        int error = Marshal.GetLastWin32Error();
        throw error switch
        {
            NotThere or NotADirectory => new FileNotFoundException($"There is no file '{path}'.", path),
            AccessDenied or NotPermitted => new UnauthorizedAccessException($"Access to '{path}' is denied."),
            _ => new IOException($"'{path}' cannot be opened (errno {error}).", error),
        };
    }

    /// <exception cref="OperationCanceledException">The command was stopped meanwhile.</exception>
    private static void AwaitWriter(SafeFileHandle pipe, string path, int timeoutMilliseconds)
    {
        var waited = new PollRequest { Descriptor = pipe.DangerousGetHandle().ToInt32(), Events = InputReady };
        for (int left = timeoutMilliseconds; poll(ref waited, (UIntPtr)1, PollMilliseconds) == 0; left -= PollMilliseconds)
        {
            PendingCalls.Stop.ThrowIfCancellationRequested();
            if (left <= PollMilliseconds)
                throw new IOException($"The pipe '{path}' gave no data.");
        }
        _ = fcntl(pipe.DangerousGetHandle().ToInt32(), SetFlags, 0);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Answer;
    }

#pragma warning disable IDE1006 // The names are libc's.
    [DllImport("libc", SetLastError = true)]
    private static extern int open(byte[] path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int poll(ref PollRequest requests, UIntPtr count, int timeoutMilliseconds);

    [DllImport("libc", SetLastError = true)]
    private static extern int fcntl(int descriptor, int command, int argument);
#pragma warning restore IDE1006
}
