using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Platform.Files;

/// <summary>
/// Who else may change a file on Windows: its owner, and the access list's entries for others than administrators, the system
/// and this user. Layouts: winnt.h, ACE_HEADER and ACCESS_ALLOWED_ACE.
/// </summary>
internal static unsafe class WindowsAccess
{
    private const string Library = "advapi32.dll";
    private const int FileObject = 1;
    private const uint OwnerAndAccessList = 1 | 4;
    private const int CreatorOwnerSid = 3, LocalSystemSid = 22, AdministratorsSid = 26;
    private const string TrustedInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
    private const byte AllowedType = 0, AllowedCallbackType = 9, InheritOnly = 8;
    private const int MaskOffset = 4, SidOffset = 8, MinEntryBytes = 16;

    // winnt.h: FILE_WRITE_DATA, FILE_APPEND_DATA, FILE_DELETE_CHILD, DELETE, WRITE_DAC, WRITE_OWNER, GENERIC_WRITE, GENERIC_ALL.
    private const uint ChangesSecurity = 0x10000 | 0x40000 | 0x80000 | 0x10000000;
    private const uint ChangesFile = 0x2 | 0x4 | 0x40000000 | ChangesSecurity;
    private const uint ReplacesInDirectory = 0x40 | ChangesSecurity;

    private const uint TokenQuery = 8;
    private const int TokenUser = 1;

    private static readonly IntPtr s_user = UserSid();
    private static readonly IntPtr s_installer = ConvertStringSidToSidW(TrustedInstaller, out IntPtr sid) ? sid : IntPtr.Zero;

    /// <summary>Null: nobody else may change it.</summary>
    public static string? FileComplaint(SafeHandle file)
    {
        int error = GetSecurityInfo(file, FileObject, OwnerAndAccessList, out IntPtr owner, IntPtr.Zero, out IntPtr list, IntPtr.Zero, out IntPtr descriptor);
        return error != 0 ? $"the system does not say who may write to it (error {error})" : Complaint(descriptor, owner, list, ChangesFile, "it", "write to it");
    }

    /// <summary>Null: nobody else may put another file in the place of one in it. To make new files there does not matter: they have their maker as owner.</summary>
    public static string? DirectoryComplaint(string path)
    {
        int error = GetNamedSecurityInfoW(path, FileObject, OwnerAndAccessList, out IntPtr owner, IntPtr.Zero, out IntPtr list, IntPtr.Zero, out IntPtr descriptor);
        // One that is not there yet is made by us.
        return error is 2 or 3 ? null
            : error != 0 ? $"the system does not say who may write to its directory '{path}' (error {error})"
            : Complaint(descriptor, owner, list, ReplacesInDirectory, $"its directory '{path}'", $"replace files in its directory '{path}'");
    }

    private static string? Complaint(IntPtr descriptor, IntPtr owner, IntPtr list, uint mask, string what, string does)
    {
        try
        {
            if (owner == IntPtr.Zero || !IsTrusted(owner))
                return $"{what} belongs to another user ({Text(owner)})";
            if (list == IntPtr.Zero)
                return $"everybody may {does}";
            for (uint i = 0; GetAce(list, i, out byte* entry); i++)
            {
                ushort lengthBytes = *(ushort*)(entry + 2);
                if (entry[0] is not (AllowedType or AllowedCallbackType) || (entry[1] & InheritOnly) != 0 || lengthBytes < MinEntryBytes)
                    continue;
                IntPtr whom = (IntPtr)(entry + SidOffset);
                if ((*(uint*)(entry + MaskOffset) & mask) != 0 && !IsTrusted(whom))
                    return $"others than its owner may {does} ({Text(whom)})";
            }
            return null;
        }
        finally
        {
            _ = LocalFree(descriptor);
        }
    }

    private static bool IsTrusted(IntPtr sid) =>
        IsWellKnownSid(sid, AdministratorsSid) || IsWellKnownSid(sid, LocalSystemSid) || IsWellKnownSid(sid, CreatorOwnerSid)
        || (s_user != IntPtr.Zero && EqualSid(sid, s_user)) || (s_installer != IntPtr.Zero && EqualSid(sid, s_installer));

    private static string Text(IntPtr sid)
    {
        if (sid == IntPtr.Zero || !ConvertSidToStringSidW(sid, out IntPtr text))
            return "?";
        string said = Marshal.PtrToStringUni(text) ?? "?";
        _ = LocalFree(text);
        return said;
    }

    /// <summary>This process's user; kept for good.</summary>
    private static IntPtr UserSid()
    {
        if (!OpenProcessToken(GetCurrentProcess(), TokenQuery, out IntPtr token))
            return IntPtr.Zero;
        try
        {
            _ = GetTokenInformation(token, TokenUser, IntPtr.Zero, 0, out uint sizeBytes);
            IntPtr buffer = Marshal.AllocHGlobal((int)sizeBytes);
            // TOKEN_USER begins with a pointer to the SID, which lies in the same buffer.
            return GetTokenInformation(token, TokenUser, buffer, sizeBytes, out _) ? Marshal.ReadIntPtr(buffer) : IntPtr.Zero;
        }
        finally
        {
            _ = CloseHandle(token);
        }
    }

    [DllImport(Library)]
    private static extern int GetSecurityInfo(
        SafeHandle handle, int type, uint information, out IntPtr owner, IntPtr group, out IntPtr dacl, IntPtr sacl, out IntPtr descriptor);

    [DllImport(Library, CharSet = CharSet.Unicode)]
    private static extern int GetNamedSecurityInfoW(
        string name, int type, uint information, out IntPtr owner, IntPtr group, out IntPtr dacl, IntPtr sacl, out IntPtr descriptor);

    [DllImport(Library)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetAce(IntPtr list, uint index, out byte* entry);

    [DllImport(Library)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool IsWellKnownSid(IntPtr sid, int type);

    [DllImport(Library)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool EqualSid(IntPtr one, IntPtr other);

    [DllImport(Library, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool ConvertStringSidToSidW(string text, out IntPtr sid);

    [DllImport(Library)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool ConvertSidToStringSidW(IntPtr sid, out IntPtr text);

    [DllImport(Library)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool OpenProcessToken(IntPtr process, uint access, out IntPtr token);

    [DllImport(Library)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetTokenInformation(IntPtr token, int kind, IntPtr buffer, uint sizeBytes, out uint neededBytes);

    [DllImport("kernel32.dll")]
    private static extern IntPtr GetCurrentProcess();

    [DllImport("kernel32.dll")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CloseHandle(IntPtr handle);

    [DllImport("kernel32.dll")]
    private static extern IntPtr LocalFree(IntPtr memory);
}
