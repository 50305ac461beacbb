using System;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Events;

/// <summary>advapi32's event log (winbase.h).</summary>
internal sealed class WindowsEventApi : IWindowsEventApi
{
    public const ushort ErrorType = 1;
    public const ushort WarningType = 2;
    public const ushort InformationType = 4;
    private const string Library = "advapi32.dll";

    public IntPtr Open(string source) => RegisterEventSourceW(null, source);

    public bool Report(IntPtr log, ushort type, uint id, string text) => ReportEventW(log, type, 0, id, IntPtr.Zero, 1, 0, [text], IntPtr.Zero);

    public void Close(IntPtr log) => _ = DeregisterEventSource(log);

    [DllImport(Library, CharSet = CharSet.Unicode)]
    private static extern IntPtr RegisterEventSourceW(string? server, string source);

    [DllImport(Library, CharSet = CharSet.Unicode)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool ReportEventW(
        IntPtr log, ushort type, ushort category, uint id, IntPtr user, ushort textCount, uint dataBytes, string[] texts, IntPtr data);

    [DllImport(Library)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool DeregisterEventSource(IntPtr log);
}
