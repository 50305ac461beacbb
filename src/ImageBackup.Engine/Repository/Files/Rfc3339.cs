using System;

namespace ImageBackup.Engine.Repository.Files;

/// <summary>
/// Reads the times that restic writes: RFC 3339 with any number of fractional digits and any offset below a day. restic
/// (Go) takes times that <see cref="DateTimeOffset"/> cannot hold: an instant before the year 1 or after the year 9999 in
/// UTC, an offset above 14 hours. Such an instant becomes the nearest one that can be held, so that it keeps its place
/// in the order. A leap second (60) is the second after 59.
/// </summary>
internal static class Rfc3339
{
    private const int MaxLength = 128;
    private const int DateLength = 10;
    private const int SecondsEnd = 19;

    private static readonly TimeSpan s_widestOffset = TimeSpan.FromHours(14);

    /// <summary>False for a text that is not an RFC 3339 date-time (section 5.6).</summary>
    public static bool TryParse(string text, out DateTimeOffset time)
    {
        time = default;
        if (text.Length is <= SecondsEnd or > MaxLength || text[4] != '-' || text[7] != '-' || text[DateLength] is not ('T' or 't' or ' ')
            || text[13] != ':' || text[16] != ':')
        {
            return false;
        }
        if (!TryNumber(text, 0, 4, 0, 9999, out int year) || !TryNumber(text, 5, 2, 1, 12, out int month)
            || !TryNumber(text, 8, 2, 1, DaysOf(year, month), out int day) || !TryNumber(text, 11, 2, 0, 23, out int hour)
            || !TryNumber(text, 14, 2, 0, 59, out int minute) || !TryNumber(text, 17, 2, 0, 60, out int second))
        {
            return false;
        }
        int at = SecondsEnd;
        if (!TryFraction(text, ref at, out long fractionTicks) || !TryOffset(text, at, out TimeSpan offset))
            return false;

        // The year 0 (1 BC) has no DateTime; all of it but what an offset can bring into the year 1 lies before the first one.
        long dayTicks = year == 0 ? (DayOfYear(month, day) - 366) * TimeSpan.TicksPerDay : new DateTime(year, month, day).Ticks;
        long localTicks = dayTicks + new TimeSpan(hour, minute, second).Ticks + fractionTicks;
        long utcTicks = Math.Max(DateTime.MinValue.Ticks, Math.Min(DateTime.MaxValue.Ticks, localTicks - offset.Ticks));
        bool canBeHeld = offset.Duration() <= s_widestOffset && utcTicks == localTicks - offset.Ticks
            && localTicks >= DateTime.MinValue.Ticks && localTicks <= DateTime.MaxValue.Ticks;
        time = canBeHeld ? new DateTimeOffset(localTicks, offset) : new DateTimeOffset(utcTicks, TimeSpan.Zero);
        return true;
    }

    private static int DaysOf(int year, int month) => DateTime.DaysInMonth(year == 0 ? 4 : year, month);

    /// <summary>From 0; in a leap year, as the year 0 was one.</summary>
    private static int DayOfYear(int month, int day) => new DateTime(4, month, day).DayOfYear - 1;

    private static bool TryNumber(string text, int at, int count, int least, int most, out int number)
    {
        number = 0;
        for (int i = at; i < at + count; i++)
        {
            if (text[i] is not (>= '0' and <= '9'))
                return false;
            number = number * 10 + (text[i] - '0');
        }
        return number >= least && number <= most;
    }

    /// <summary>'.' and one digit or more; those behind the seventh (100 ns) are cut off.</summary>
    private static bool TryFraction(string text, ref int at, out long ticks)
    {
        ticks = 0;
        if (text[at] != '.')
            return true;
        long unit = TimeSpan.TicksPerSecond;
        int first = ++at;
        for (; at < text.Length && text[at] is >= '0' and <= '9'; at++)
        {
            unit /= 10;
            ticks += (text[at] - '0') * unit;
        }
        return at > first && at < text.Length;
    }

    private static bool TryOffset(string text, int at, out TimeSpan offset)
    {
        offset = TimeSpan.Zero;
        if (text[at] is 'Z' or 'z')
            return at + 1 == text.Length;
        if (text[at] is not ('+' or '-') || at + 6 != text.Length || text[at + 3] != ':'
            || !TryNumber(text, at + 1, 2, 0, 23, out int hours) || !TryNumber(text, at + 4, 2, 0, 59, out int minutes))
        {
            return false;
        }
        offset = new TimeSpan(hours, minutes, 0);
        if (text[at] == '-')
            offset = -offset;
        return true;
    }
}
