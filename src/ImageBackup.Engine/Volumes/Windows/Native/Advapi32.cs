using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Volumes.Windows.Native;

/// <summary>advapi32's calls on security, as they are.</summary>
internal static class Advapi32
{
    private const string Library = "advapi32.dll";

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool ConvertStringSecurityDescriptorToSecurityDescriptorW(string text, uint revision, out IntPtr descriptor, IntPtr length);

    [DllImport(Library, CharSet = CharSet.Unicode)]
    public static extern int GetNamedSecurityInfoW(
        string name, int type, uint information, out IntPtr owner, IntPtr group, IntPtr dacl, IntPtr sacl, out IntPtr descriptor);

    [DllImport(Library)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static extern bool IsWellKnownSid(IntPtr sid, int type);
}
