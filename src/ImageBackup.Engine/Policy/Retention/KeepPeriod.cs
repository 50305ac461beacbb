using System;
using System.Globalization;
using System.Text;

namespace ImageBackup.Engine.Policy.Retention;

/// <summary>restic's length of time in years, months, days and hours (1y6m14d12h): counted by the calendar, not in hours.</summary>
internal readonly record struct KeepPeriod(int Years, int Months, int Days, int Hours)
{
    private const int MaximumNumber = 99999;

    /// <summary>Numbers with y, m, d or h, each unit once, in any order; a number alone is days.</summary>
    public static bool TryParse(string? text, out KeepPeriod period)
    {
        period = default;
        string rest = text?.Trim().ToLowerInvariant() ?? "";
        if (rest.Length == 0)
            return false;
        if (TryNumber(rest, out int days))
        {
            period = new KeepPeriod(0, 0, days, 0);
            return true;
        }
        string seen = "";
        while (rest.Length > 0)
        {
            int end = 0;
            while (end < rest.Length && rest[end] is >= '0' and <= '9')
                end++;
            if (end == rest.Length || !TryNumber(rest.Substring(0, end), out int number) || seen.IndexOf(rest[end]) >= 0)
                return false;
            seen += rest[end];
            switch (rest[end])
            {
                case 'y':
                    period = period with { Years = number };
                    break;
                case 'm':
                    period = period with { Months = number };
                    break;
                case 'd':
                    period = period with { Days = number };
                    break;
                case 'h':
                    period = period with { Hours = number };
                    break;
                default:
                    return false;
            }
            rest = rest.Substring(end + 1);
        }
        return true;
    }

    /// <summary>
    /// The moment that lies so far before another. A day that the month does not have runs on into the next month (a month before
    /// March 31 is March 3), as in restic. Before the calendar's first day: that day.
    /// </summary>
    public DateTimeOffset Before(DateTimeOffset time)
    {
        long month = ((time.Year - (long)Years) * 12) + time.Month - 1 - Months;
        if (month < 12)
            return DateTimeOffset.MinValue;
        double days = time.Day - 1 - Days - (Hours / 24.0);
        var first = new DateTime((int)(month / 12), (int)(month % 12) + 1, 1);
        if ((first - DateTime.MinValue).TotalDays + days < 2)
            return DateTimeOffset.MinValue;
        return new DateTimeOffset(first.AddDays(time.Day - 1 - Days).Add(time.TimeOfDay).AddHours(-Hours), time.Offset);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach ((int number, char unit) in new[] { (Years, 'y'), (Months, 'm'), (Days, 'd'), (Hours, 'h') })
        {
            if (number > 0)
                text.Append(number.ToString(CultureInfo.InvariantCulture)).Append(unit);
        }
        return text.Length == 0 ? "0d" : text.ToString();
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= MaximumNumber;
}
