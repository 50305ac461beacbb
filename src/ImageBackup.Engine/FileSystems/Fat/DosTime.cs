using System;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Fat;

/// <summary>Dates and times of DOS, which FAT and exFAT keep: from 1980 to 2107, in steps of two seconds, 10 ms if they have a byte more.</summary>
internal static class DosTime
{
    private const long TicksAtUnixEpoch = 621_355_968_000_000_000;

    /// <summary>The moment, if the clock was that of UTC; null if none was written or it is not one.</summary>
    /// <param name="date">Bits 15-9 year, 8-5 month, 4-0 day.</param>
    /// <param name="time">Bits 15-11 hour, 10-5 minute, 4-0 half the second.</param>
    /// <param name="tenMilliseconds">0 to 199.</param>
    public static FileTreeTime? Read(int date, int time, int tenMilliseconds = 0)
    {
        int year = 1980 + (date >> 9), month = date >> 5 & 15, day = date & 31;
        int hour = time >> 11, minute = time >> 5 & 63, second = (time & 31) * 2;
        if (month is 0 or > 12 || day == 0 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59 || tenMilliseconds > 199)
            return null;
        long ticks = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc).Ticks - TicksAtUnixEpoch;
        return new FileTreeTime(ticks / TimeSpan.TicksPerSecond + tenMilliseconds / 100, tenMilliseconds % 100 * 10_000_000);
    }
}
