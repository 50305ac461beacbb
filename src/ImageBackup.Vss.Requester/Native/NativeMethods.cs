using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Vss.Requester.Native;

/// <summary>The system's functions beside VSS's own.</summary>
internal static class NativeMethods
{
    public const uint COINIT_MULTITHREADED = 0;
    public const uint RPC_C_AUTHN_LEVEL_PKT_PRIVACY = 6;
    public const uint RPC_C_IMP_LEVEL_IMPERSONATE = 3;
    public const uint EOAC_DYNAMIC_CLOAKING = 0x40;
    public const uint SDDL_REVISION_1 = 1;

    [DllImport("ole32", ExactSpelling = true)]
    public static extern int CoInitializeEx(IntPtr reserved, uint coInit);

    [DllImport("ole32", ExactSpelling = true)]
    public static extern void CoUninitialize();

    [DllImport("ole32", ExactSpelling = true)]
    public static extern int CoInitializeSecurity(IntPtr securityDescriptor, int authenticationServices, IntPtr services, IntPtr reserved1,
        uint authenticationLevel, uint impersonationLevel, IntPtr authenticationList, uint capabilities, IntPtr reserved3);

    [DllImport("oleaut32", ExactSpelling = true)]
    public static extern void SysFreeString(IntPtr bstr);

    [DllImport("oleaut32", ExactSpelling = true)]
    public static extern uint SysStringLen(IntPtr bstr);

    [DllImport("advapi32", ExactSpelling = true, CharSet = CharSet.Unicode, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool ConvertStringSecurityDescriptorToSecurityDescriptorW(string text, uint revision, out IntPtr descriptor, out uint sizeBytes);

    [DllImport("advapi32", ExactSpelling = true, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool MakeAbsoluteSD(IntPtr selfRelative, IntPtr absolute, ref uint absoluteBytes, IntPtr dacl, ref uint daclBytes,
        IntPtr sacl, ref uint saclBytes, IntPtr owner, ref uint ownerBytes, IntPtr group, ref uint groupBytes);

    [DllImport("kernel32", ExactSpelling = true, CharSet = CharSet.Unicode, SetLastError = true)]
    public static extern IntPtr LoadLibraryExW(string name, IntPtr file, uint flags);

    [DllImport("kernel32", ExactSpelling = true, CharSet = CharSet.Ansi, BestFitMapping = false, SetLastError = true)]
    public static extern IntPtr GetProcAddress(IntPtr library, string name);

    [DllImport("kernel32", ExactSpelling = true)]
    public static extern IntPtr LocalFree(IntPtr memory);
}
