using System;
using System.IO;
using System.Runtime.InteropServices;
using ImageBackup.Engine.Platform.Files;

namespace ImageBackup.Engine.Volumes.Windows.Native;

/// <summary>
/// A directory that only the system and administrators may write to. Under ProgramData everybody may make directories, and
/// what an elevated run finds written there it acts on.
/// </summary>
internal static unsafe class ProtectedDirectory
{
    // Owner and full access for administrators and the system, inherited by what is made in it; nothing inherited from above.
    private const string Descriptor = "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
    private const uint SddlRevision = 1;
    private const int FileObject = 1;
    private const uint OwnerInformation = 1;
    private const int AdministratorsSid = 26;
    private const int LocalSystemSid = 22;

    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    /// <summary>Makes it, and its parent, if they are not there.</summary>
    /// <exception cref="IOException">It could not be made, or somebody else had made it.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void Create(string path)
    {
        if (!s_isWindows)
        {
            DurableFiles.CreatePrivateDirectory(path);
            return;
        }
        if (Path.GetDirectoryName(path) is { } parent && !Directory.Exists(parent))
            Make(parent);
        if (!Directory.Exists(path))
            Make(path);
        if (!IsTrusted(path))
            throw new UnauthorizedAccessException($"'{path}' does not belong to the administrators, so its content cannot be trusted. Remove it.");
    }

    /// <summary>Whether it belongs to administrators or the system; elsewhere than on Windows the directory's mode says who may write.</summary>
    public static bool IsTrusted(string path)
    {
        if (!s_isWindows)
            return true;
        if (Advapi32.GetNamedSecurityInfoW(path, FileObject, OwnerInformation, out IntPtr owner, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, out IntPtr descriptor) != 0)
            return false;
        bool isTrusted = owner != IntPtr.Zero
            && (Advapi32.IsWellKnownSid(owner, AdministratorsSid) || Advapi32.IsWellKnownSid(owner, LocalSystemSid));
        _ = Kernel32.LocalFree(descriptor);
        return isTrusted;
    }

    private static void Make(string path)
    {
        if (!Advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW(Descriptor, SddlRevision, out IntPtr descriptor, IntPtr.Zero))
            throw Failed(path);
        try
        {
            var attributes = new Kernel32.SecurityAttributes { Length = (uint)sizeof(Kernel32.SecurityAttributes), Descriptor = descriptor };
            if (!Kernel32.CreateDirectoryW(path, ref attributes) && Marshal.GetLastWin32Error() != WindowsError.AlreadyExists)
                throw Failed(path);
        }
        finally
        {
            _ = Kernel32.LocalFree(descriptor);
        }
    }

    private static IOException Failed(string path) =>
        new($"The directory '{path}' could not be made: {WindowsError.Describe(Marshal.GetLastWin32Error())}.");
}
