using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>
/// Who may call this process back. Writers do; many run as NetworkService or LocalService, and with COM's default their calls are
/// denied (event 8194) and their state is missing. It can be set once a process, before anything in it speaks to COM.
/// </summary>
internal static class ComSecurity
{
    /// <summary>Execute, and execute from this machine, for SYSTEM, administrators, NetworkService and LocalService. COM wants an owner and a group.</summary>
    internal const string Descriptor = "O:BAG:BAD:(A;;0x3;;;SY)(A;;0x3;;;BA)(A;;0x3;;;NS)(A;;0x3;;;LS)";

    /// <summary>To be called on a thread that is in COM's multithreaded apartment.</summary>
    /// <returns>The HRESULT of CoInitializeSecurity, or of the step before it that failed.</returns>
    public static int Set()
    {
        if (!NativeMethods.ConvertStringSecurityDescriptorToSecurityDescriptorW(Descriptor, NativeMethods.SDDL_REVISION_1, out IntPtr relative, out _))
            return Marshal.GetHRForLastWin32Error();
        // COM wants the form with pointers. Its parts stay for the life of the process: COM may read them again.
        uint absoluteBytes = 0, daclBytes = 0, saclBytes = 0, ownerBytes = 0, groupBytes = 0;
        _ = NativeMethods.MakeAbsoluteSD(relative, IntPtr.Zero, ref absoluteBytes, IntPtr.Zero, ref daclBytes, IntPtr.Zero, ref saclBytes,
            IntPtr.Zero, ref ownerBytes, IntPtr.Zero, ref groupBytes);
        IntPtr absolute = Allocate(absoluteBytes);
        bool isMade = NativeMethods.MakeAbsoluteSD(relative, absolute, ref absoluteBytes, Allocate(daclBytes), ref daclBytes, Allocate(saclBytes), ref saclBytes,
            Allocate(ownerBytes), ref ownerBytes, Allocate(groupBytes), ref groupBytes);
        int error = isMade ? 0 : Marshal.GetHRForLastWin32Error();
        NativeMethods.LocalFree(relative);
        return isMade
            ? NativeMethods.CoInitializeSecurity(absolute, -1, IntPtr.Zero, IntPtr.Zero, NativeMethods.RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                NativeMethods.RPC_C_IMP_LEVEL_IMPERSONATE, IntPtr.Zero, NativeMethods.EOAC_DYNAMIC_CLOAKING, IntPtr.Zero)
            : error;
    }

    private static IntPtr Allocate(uint sizeBytes) => sizeBytes == 0 ? IntPtr.Zero : Marshal.AllocHGlobal((int)sizeBytes);
}
