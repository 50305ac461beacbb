using System;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace ImageBackup.Host;

/// <summary>Whether the Windows console understands escape sequences (not every one on rescue media does).</summary>
[SupportedOSPlatform("windows")]
internal static class WindowsTerminal
{
    private const int StandardOutput = -11;
    private const uint EnableVirtualTerminalProcessing = 0x0004;

    public static bool IsVirtualTerminal { get; } = TryEnable();

    private static bool TryEnable()
    {
        IntPtr output = GetStdHandle(StandardOutput);
        return GetConsoleMode(output, out uint mode)
            && ((mode & EnableVirtualTerminalProcessing) != 0 || SetConsoleMode(output, mode | EnableVirtualTerminalProcessing));
    }

    [DllImport("kernel32.dll", ExactSpelling = true)]
    private static extern IntPtr GetStdHandle(int standardHandle);

    [DllImport("kernel32.dll", ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool GetConsoleMode(IntPtr console, out uint mode);

    [DllImport("kernel32.dll", ExactSpelling = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool SetConsoleMode(IntPtr console, uint mode);
}
