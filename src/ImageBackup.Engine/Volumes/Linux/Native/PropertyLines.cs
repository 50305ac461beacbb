using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Volumes.Linux.Native;

/// <summary>KEY=value lines: a device's uevent file in /sys, and the E: lines of udev's database in /run/udev/data.</summary>
internal static class PropertyLines
{
    private const int MaxProperties = 1024;

    /// <summary>The last value of a key wins; what has no key or no = is passed over.</summary>
    /// <param name="text">The file.</param>
    /// <param name="prefix">Only lines that begin with it, taken without it ("E:").</param>
    public static IReadOnlyDictionary<string, string> Parse(string text, string prefix = "")
    {
        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            int equals = line.IndexOf('=');
            if (equals > prefix.Length && properties.Count < MaxProperties)
                properties[line.Substring(prefix.Length, equals - prefix.Length)] = line.Substring(equals + 1);
        }
        return properties;
    }

    public static string? Find(this IReadOnlyDictionary<string, string> properties, string key) =>
        properties.TryGetValue(key, out string? value) && value.Length > 0 ? value : null;
}
