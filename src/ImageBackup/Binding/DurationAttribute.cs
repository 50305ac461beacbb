using System;
using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;

namespace ImageBackup.Binding;

/// <summary>
/// Lets a parameter take a TimeSpan, a number of days, or text such as '30d', '12h', '1y6m' (a year is 365 days, a month
/// 30). PowerShell itself would take a bare number for ten-millionths of a second.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class DurationAttribute : ArgumentTransformationAttribute
{
    private const double MaximumDays = 365_000;

    private static readonly Regex s_duration = new(
        @"^\s*((?<y>[0-9]{1,6})y)?((?<m>[0-9]{1,6})m)?((?<w>[0-9]{1,6})w)?((?<d>[0-9]{1,6})d)?((?<h>[0-9]{1,6})h)?\s*$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        TimeSpan.FromSeconds(1));

    public override object? Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        switch (value)
        {
            case TimeSpan span:
                return Checked(span.TotalDays, span.ToString());
            case string text:
                return Parse(text);
            case int or long or short or byte or double or float or decimal or uint or ulong or ushort or sbyte:
                return Checked(Convert.ToDouble(value, CultureInfo.InvariantCulture), Convert.ToString(value, CultureInfo.InvariantCulture)!);
            default:
                return value;
        }
    }

    private static TimeSpan Parse(string text)
    {
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out double days))
            return Checked(days, text);
        Match match = s_duration.Match(text);
        if (match.Success && text.Trim().Length > 0)
            return Checked((Number("y") * 365) + (Number("m") * 30) + (Number("w") * 7) + Number("d") + (Number("h") / 24), text);
        if (TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan span))
            return Checked(span.TotalDays, text);
        throw Bad(text);

        double Number(string group) => match.Groups[group].Success ? double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture) : 0;
    }

    private static TimeSpan Checked(double days, string text) =>
        days is >= 0 and <= MaximumDays ? TimeSpan.FromDays(days) : throw Bad(text);

    private static ArgumentTransformationMetadataException Bad(string text) =>
        new($"'{text}' is not a length of time. Give a number of days, or text such as 30d, 12h or 1y6m.");
}
