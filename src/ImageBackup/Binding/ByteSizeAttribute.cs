using System;
using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace ImageBackup.Binding;

/// <summary>
/// Lets a parameter take a number of bytes as PowerShell's literals (1MB) give it, or as text: '1MiB', '64 KiB',
/// '512K', '1048576'. All units are binary, as PowerShell's are.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ByteSizeAttribute : ArgumentTransformationAttribute
{
    private static readonly Regex s_size = new(
        @"^\s*(?<number>[0-9]{1,18}(\.[0-9]{1,9})?)\s*(?<unit>[KMGT]?)(i?B)?\s*$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        TimeSpan.FromSeconds(1));

    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is not string text)
            return value;
        Match match = s_size.Match(text);
        if (!match.Success)
        {
            throw new ArgumentTransformationMetadataException(
                $"'{text}' is not a size. Give a number of bytes, or one with a unit such as 1MB, 1MiB or 64K.");
        }
        decimal number = decimal.Parse(match.Groups["number"].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        int shift = match.Groups["unit"].Value.ToUpperInvariant() switch
        {
            "K" => 10,
            "M" => 20,
            "G" => 30,
            "T" => 40,
            _ => 0,
        };
        decimal bytes = number * (1L << shift);
        if (bytes != decimal.Truncate(bytes) || bytes > long.MaxValue)
            throw new ArgumentTransformationMetadataException($"'{text}' is not a whole number of bytes.");
        return (long)bytes;
    }
}
