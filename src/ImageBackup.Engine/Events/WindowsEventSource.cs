using System;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace ImageBackup.Engine.Events;

/// <summary>
/// The registration of our event source: which file has the messages' form. Windows' own one of the .NET Framework has for every
/// number the message "%1", so that the viewer shows our text as it is.
/// </summary>
internal static class WindowsEventSource
{
    public const string Name = "ImageBackup";
    private const string Key = @"SYSTEM\CurrentControlSet\Services\EventLog\Application\" + Name;
    private const string MessageFile = @"%SystemRoot%\Microsoft.NET\Framework64\v4.0.30319\EventLogMessages.dll";
    private const uint AllTypes = 7;
    private const uint ExpandableText = 2;
    private const uint Number = 4;
    private const uint ReadAccess = 0x20019;
    private const uint WriteAccess = 0x20006;
    private const int AccessDenied = 5;
    private static readonly UIntPtr s_localMachine = (UIntPtr)0x80000002u;

    /// <summary>Null if it is registered now; else why it could not be. Never throws. Needs an administrator the first time only.</summary>
    public static string? Register()
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            return "this system has no Windows event log";
        if (IsRegistered())
            return null;
        int error = RegCreateKeyExW(s_localMachine, Key, 0, null, 0, WriteAccess, IntPtr.Zero, out IntPtr key, IntPtr.Zero);
        if (error == AccessDenied)
            return "only an elevated session may register the event source";
        if (error != 0)
            return new Win32Exception(error).Message;
        try
        {
            byte[] file = Encoding.Unicode.GetBytes(MessageFile + "\0");
            error = RegSetValueExW(key, "EventMessageFile", 0, ExpandableText, file, (uint)file.Length);
            if (error == 0)
                error = RegSetValueExW(key, "TypesSupported", 0, Number, BitConverter.GetBytes(AllTypes), sizeof(uint));
            return error == 0 ? null : new Win32Exception(error).Message;
        }
        finally
        {
            _ = RegCloseKey(key);
        }
    }

    public static bool IsRegistered()
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows)
            || RegOpenKeyExW(s_localMachine, Key, 0, ReadAccess, out IntPtr key) != 0)
            return false;
        uint sizeBytes = 0;
        bool isThere = RegQueryValueExW(key, "EventMessageFile", IntPtr.Zero, out _, IntPtr.Zero, ref sizeBytes) == 0;
        _ = RegCloseKey(key);
        return isThere;
    }

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode)]
    private static extern int RegCreateKeyExW(
        UIntPtr root, string key, uint reserved, string? className, uint options, uint access, IntPtr security, out IntPtr created, IntPtr disposition);

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode)]
    private static extern int RegOpenKeyExW(UIntPtr root, string key, uint options, uint access, out IntPtr opened);

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode)]
    private static extern int RegQueryValueExW(IntPtr key, string name, IntPtr reserved, out uint type, IntPtr data, ref uint sizeBytes);

    [DllImport("advapi32.dll", CharSet = CharSet.Unicode)]
    private static extern int RegSetValueExW(IntPtr key, string name, uint reserved, uint type, byte[] data, uint sizeBytes);

    [DllImport("advapi32.dll")]
    private static extern int RegCloseKey(IntPtr key);
}
