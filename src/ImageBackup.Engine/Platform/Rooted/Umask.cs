using System;
using System.IO;

namespace ImageBackup.Engine.Platform.Rooted;

/// <summary>The permission bits that this process takes from what it makes.</summary>
internal static class Umask
{
    private const int Usual = 0x12;

    /// <summary>As the kernel tells it (asking the C library would change it for a moment); 022 if it does not.</summary>
    public static int Current()
    {
        try
        {
            foreach (string line in File.ReadLines("/proc/self/status"))
            {
                if (line.StartsWith("Umask:", StringComparison.Ordinal))
                    return Convert.ToInt32(line.Substring(6).Trim(), 8);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            // Not Linux.
        }
        return Usual;
    }
}
