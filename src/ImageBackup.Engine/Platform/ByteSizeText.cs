using System;
using System.Globalization;
using System.Text.RegularExpressions;

namespace ImageBackup.Engine.Platform;

/// <summary>A number of bytes as people write it: '1MiB', '64 KiB', '512K', '1.5GB', '1048576'. All units are binary, as PowerShell's are.</summary>
internal static class ByteSizeText
{
    private static readonly Regex s_size = new(
        @"^\s*(?<number>[0-9]{1,18}(\.[0-9]{1,9})?)\s*(?<unit>[KMGT]?)(i?B)?\s*$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        TimeSpan.FromSeconds(1));

    /// <param name="text">What was written.</param>
    /// <param name="bytes">The size; not whole if a fraction was given that does not come to whole bytes, at most what a <see cref="long"/> holds.</param>
    /// <returns>False: it is not a size, or beyond a <see cref="long"/>.</returns>
    public static bool TryParse(string text, out decimal bytes)
    {
        Match match = s_size.Match(text);
        bytes = 0;
        if (!match.Success)
            return false;
        int shift = match.Groups["unit"].Value.ToUpperInvariant() switch { "K" => 10, "M" => 20, "G" => 30, "T" => 40, _ => 0 };
        decimal number = decimal.Parse(match.Groups["number"].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        if (number > long.MaxValue >> shift)
            return false;
        bytes = number * (1L << shift);
        return true;
    }
}
