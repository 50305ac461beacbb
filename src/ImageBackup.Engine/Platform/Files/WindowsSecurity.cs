using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>
/// Sets the security of a file or directory as a descriptor has it, entries that were inherited included: nothing is inherited anew, as
/// a backup program's restore does it. Layouts: winnt.h, SECURITY_DESCRIPTOR_RELATIVE.
/// </summary>
internal static class WindowsSecurity
{
    private const string Library = "advapi32.dll";
    private const string RestorePrivilege = "SeRestorePrivilege", SecurityPrivilege = "SeSecurityPrivilege";

    // winnt.h: OWNER_, GROUP_, DACL_ and SACL_SECURITY_INFORMATION; WRITE_DAC, WRITE_OWNER, ACCESS_SYSTEM_SECURITY.
    private const uint Owner = 1, Group = 2, AccessList = 4, AuditList = 8;
    private const uint WriteDac = 0x40000, WriteOwner = 0x80000, AccessSystemSecurity = 0x1000000;

    private const uint ShareAll = 7, OpenExisting = 3, OpenReparsePoint = 0x200000, BackupSemantics = 0x2000000;
    private const int ControlOffset = 2;

    // SE_SACL_PRESENT; what was inherited stays marked as such only if SE_..._AUTO_INHERIT_REQ is set too.
    private const ushort HasAuditList = 0x10, AccessListRequest = 0x100, AuditListRequest = 0x200, AccessListInherited = 0x400, AuditListInherited = 0x800;

    // The access list after the owner: it may take from this user what the owner's change needs.
    private static readonly Part[] s_parts =
    [
        new(Owner | Group, WriteOwner, RestorePrivilege, "the owner and the group"),
        new(AccessList, WriteDac, RestorePrivilege, "the access list"),
        new(AuditList, AccessSystemSecurity, SecurityPrivilege, "the audit list"),
    ];

    private const int SecurityImpersonation = 2;
    private const uint TokenAdjustPrivileges = 0x20, TokenQuery = 8;
    private const uint PrivilegeEnabled = 2;

    private sealed record Part(uint Information, uint Access, string Privilege, string Name);

    /// <summary>Sets all parts that can be set, with the privileges that the process has.</summary>
    /// <param name="path">The file or directory; a link that has its name is not followed.</param>
    /// <param name="descriptor">In the self-relative form, and proven whole: the system does not ask for its length.</param>
    /// <returns>What could not be set, and why; empty if all was.</returns>
    public static IReadOnlyList<string> Set(string path, byte[] descriptor)
    {
        byte[] asked = (byte[])descriptor.Clone();
        ushort control = BitConverter.ToUInt16(asked, ControlOffset);
        if ((control & AccessListInherited) != 0)
            control |= AccessListRequest;
        if ((control & AuditListInherited) != 0)
            control |= AuditListRequest;
        asked[ControlOffset] = (byte)control;
        asked[ControlOffset + 1] = (byte)(control >> 8);

        var failures = new List<string>();
        bool isPrivileged = Impersonate();
        try
        {
            foreach (Part part in s_parts)
            {
                if ((part.Information != AuditList || (control & HasAuditList) != 0) && Set(path, asked, part) is { } failure)
                    failures.Add(failure);
            }
        }
        finally
        {
            if (isPrivileged)
                _ = RevertToSelf();
        }
        return failures;
    }

    // Null: it is set.
    private static string? Set(string path, byte[] descriptor, Part part)
    {
        using SafeFileHandle file = CreateFileW(path, part.Access, ShareAll, IntPtr.Zero, OpenExisting, OpenReparsePoint | BackupSemantics, IntPtr.Zero);
        if (!file.IsInvalid && SetKernelObjectSecurity(file, part.Information, descriptor))
            return null;
        int error = Marshal.GetLastWin32Error();
        const int accessDenied = 5, invalidOwner = 1307, privilegeNotHeld = 1314;
        string need = error is accessDenied or invalidOwner or privilegeNotHeld ? $"; that needs the privilege {part.Privilege}, which an elevated administrator has" : "";
        return $"{part.Name} could not be set ({new Win32Exception(error).Message.TrimEnd('.')}{need})";
    }

    /// <summary>Enables the privileges for this thread alone, which the caller reverts. False: nothing to revert.</summary>
    private static bool Impersonate()
    {
        if (!ImpersonateSelf(SecurityImpersonation))
            return false;
        if (OpenThreadToken(GetCurrentThread(), TokenAdjustPrivileges | TokenQuery, true, out IntPtr token))
        {
            try
            {
                // Those that the process does not have stay away: then the calls fail, and say so.
                foreach (string name in new[] { RestorePrivilege, SecurityPrivilege })
                {
                    var wanted = new TokenPrivilege { Count = 1, Attributes = PrivilegeEnabled };
                    if (LookupPrivilegeValueW(null, name, out wanted.Id))
                        _ = AdjustTokenPrivileges(token, false, ref wanted, 0, IntPtr.Zero, IntPtr.Zero);
                }
            }
            finally
            {
                _ = CloseHandle(token);
            }
        }
        return true;
    }

    // TOKEN_PRIVILEGES with one LUID_AND_ATTRIBUTES: packed to 4 bytes.
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct TokenPrivilege
    {
        public uint Count;
        public long Id;
        public uint Attributes;
    }

    [DllImport("kernel32.dll", SetLastError = true, CharSet = CharSet.Unicode)]
    private static extern SafeFileHandle CreateFileW(string path, uint access, uint share, IntPtr security, uint disposition, uint flags, IntPtr template);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool SetKernelObjectSecurity(SafeHandle handle, uint information, byte[] descriptor);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool ImpersonateSelf(int level);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool RevertToSelf();

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool OpenThreadToken(IntPtr thread, uint access, [MarshalAs(UnmanagedType.Bool)] bool asProcess, out IntPtr token);

    [DllImport(Library, SetLastError = true, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool LookupPrivilegeValueW(string? system, string name, out long id);

    [DllImport(Library, SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool AdjustTokenPrivileges(IntPtr token, [MarshalAs(UnmanagedType.Bool)] bool disablesAll, ref TokenPrivilege wanted, uint sizeBytes, IntPtr before, IntPtr neededBytes);

    [DllImport("kernel32.dll")]
    private static extern IntPtr GetCurrentThread();

    [DllImport("kernel32.dll")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CloseHandle(IntPtr handle);
}
