using System;
using System.Collections.Generic;
using System.Globalization;

namespace ImageBackup.Engine.Storage;

/// <summary>Reads a storage's options, by restic's names. Each throws a FormatException that names the option and what it may be, never its value.</summary>
internal static class StorageOptions
{
    private const int MaxConnections = 64;

    /// <summary>So many calls at once.</summary>
    public static int Connections(IReadOnlyDictionary<string, string>? options, string scheme, int otherwise = StorageTraits.DefaultConnections) =>
        Number(options, scheme + ".connections", otherwise, 1, MaxConnections);

    /// <summary>A whole number within bounds.</summary>
    public static int Number(IReadOnlyDictionary<string, string>? options, string name, int otherwise, int least, int most)
    {
        if (Text(options, name) is not { } text)
            return otherwise;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw new FormatException($"{name} must be a number from {least} to {most}.");
    }

    /// <summary>A text; null if it is not given or empty.</summary>
    public static string? Text(IReadOnlyDictionary<string, string>? options, string name) =>
        options is not null && options.TryGetValue(name, out string? text) && text.Length > 0 ? text : null;

    /// <summary>One of several words, in the spelling of the list.</summary>
    public static string? Choice(IReadOnlyDictionary<string, string>? options, string name, params string[] choices)
    {
        if (Text(options, name) is not { } text)
            return null;
        foreach (string choice in choices)
        {
            if (string.Equals(choice, text, StringComparison.OrdinalIgnoreCase))
                return choice;
        }
        throw new FormatException($"{name} must be one of: {string.Join(", ", choices)}.");
    }

    /// <summary>True or false, as Go and PowerShell write them.</summary>
    public static bool Flag(IReadOnlyDictionary<string, string>? options, string name) => Choice(options, name, "false", "true", "0", "1") is "true" or "1";

    /// <summary>A moment; without an offset it is this machine's time.</summary>
    public static DateTimeOffset? Time(IReadOnlyDictionary<string, string>? options, string name)
    {
        if (Text(options, name) is not { } text)
            return null;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out DateTimeOffset time)
            ? time
            : throw new FormatException($"{name} must be a time such as 2026-11-30T14:00:00Z.");
    }

    /// <summary>A time as Go writes it, of one unit: "90s", "5m", "1h", "500ms".</summary>
    public static TimeSpan? Duration(IReadOnlyDictionary<string, string>? options, string name)
    {
        if (Text(options, name) is not { } text)
            return null;
        foreach ((string unit, double seconds) in new[] { ("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600.0) })
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.Substring(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double count)
                && count * seconds is > 0 and < 1e6)
            {
                return TimeSpan.FromSeconds(count * seconds);
            }
        }
        throw new FormatException($"{name} must be a time such as 90s, 5m or 1h.");
    }
}
