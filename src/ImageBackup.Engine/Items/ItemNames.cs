using System;

namespace ImageBackup.Engine.Items;

/// <summary>Which names of an image can be names of files here.</summary>
internal static class ItemNames
{
    private static readonly string[] s_devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

    /// <summary>Why a file of this name is not made; null if it may be.</summary>
    /// <param name="name">One name, of a hostile image.</param>
    /// <param name="isWindows">The system that it is restored on.</param>
    public static string? Problem(string name, bool isWindows)
    {
        if (name.Length == 0 || name is "." or "..")
            return "it is not a name";
        foreach (char c in name)
        {
            if (c is '/' or '\0' || isWindows && (c < ' ' || "<>:\"|?*\\".IndexOf(c) >= 0))
                return isWindows ? "Windows has no such names" : "the name holds a separator";
        }
        if (!isWindows)
            return null;
        if (name[name.Length - 1] is '.' or ' ')
            return "Windows takes away the dot or the blank at the end of a name";
        return IsDevice(name) ? "Windows takes it for a device" : null;
    }

    // With any extension too: "nul.txt" is the device.
    private static bool IsDevice(string name)
    {
        int end = name.IndexOfAny(['.', ':']);
        string stem = (end < 0 ? name : name.Substring(0, end)).TrimEnd(' ');
        if (Array.Exists(s_devices, device => string.Equals(device, stem, StringComparison.OrdinalIgnoreCase)))
            return true;
        return stem.Length == 4 && stem[3] is (>= '0' and <= '9') or '\u00B9' or '\u00B2' or '\u00B3'
            && (stem.StartsWith("COM", StringComparison.OrdinalIgnoreCase) || stem.StartsWith("LPT", StringComparison.OrdinalIgnoreCase));
    }
}
