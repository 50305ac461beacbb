using System;
using System.Globalization;
using ImageBackup.Engine.Platform;

namespace ImageBackup;

/// <summary>
/// What the scripts of ImageBackup.Format.ps1xml share. They find it by name in each session that has the module, and they give it
/// the values of deserialized objects too: numbers, texts and times, or null.
/// </summary>
public static class ViewText
{
    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>A text of others, in one line, with nothing in it that steers a terminal.</summary>
    public static string Line(string? text) => DisplayText.Line(text);

    /// <summary>The beginning of a restic id, which is long enough for people.</summary>
    public static string ShortId(string? id) => DisplayText.ShortId(id);

    /// <summary>"1.5 GiB"; null for null.</summary>
    public static string? Size(double? bytes) => bytes is { } known ? Scaled(known, "0.#", CultureInfo.CurrentCulture) : null;

    /// <summary>"1.5 GiB (1,610,612,736 bytes)"; null for null.</summary>
    public static string? SizeInFull(long? bytes) => bytes is { } known ? $"{Size(known)} ({known.ToString("N0", CultureInfo.CurrentCulture)} bytes)" : null;

    /// <summary>"1.5 GiB/s"; null for null.</summary>
    public static string? Rate(double? bytesPerSecond) => bytesPerSecond is { } known ? Size(known) + "/s" : null;

    /// <summary>"2026-03-04 05:06" in every culture; null for null.</summary>
    public static string? Minute(DateTime? time) => time is { } known ? DisplayText.Minute(known) : null;

    /// <summary>"2026-03-04 05:06:07" in every culture; null for null.</summary>
    public static string? Second(DateTime? time) => time is { } known ? DisplayText.Second(known) : null;

    /// <summary>"2026-03-04" in every culture; null for null.</summary>
    public static string? Day(DateTime? time) => time?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>"05:06:07" in every culture; null for null.</summary>
    public static string? Clock(DateTime? time) => time?.ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>"1:30:00", "2:00 min" or "2.0 s"; null for null.</summary>
    public static string? Duration(TimeSpan? time) => time switch
    {
        null => null,
        { TotalHours: >= 1 } hours => string.Format(CultureInfo.CurrentCulture, "{0}:{1:00}:{2:00}", (int)hours.TotalHours, hours.Minutes, hours.Seconds),
        { TotalMinutes: >= 1 } minutes => string.Format(CultureInfo.CurrentCulture, "{0}:{1:00} min", minutes.Minutes, minutes.Seconds),
        { } seconds => string.Format(CultureInfo.CurrentCulture, "{0:0.0} s", seconds.TotalSeconds),
    };

    /// <summary>How long ago a time was, in the unit that fits: "90 min", "47 h", "400 d", "3 y".</summary>
    public static string Age(DateTime time)
    {
        TimeSpan age = DateTime.Now - time;
        (double count, string unit) = age.TotalDays >= 730 ? (age.TotalDays / 365.25, "y")
            : age.TotalDays >= 2 ? (age.TotalDays, "d")
            : age.TotalHours >= 2 ? (age.TotalHours, "h")
            : (Math.Max(0, age.TotalMinutes), "min");
        return string.Format(CultureInfo.CurrentCulture, "{0:0} {1}", Math.Floor(count), unit);
    }

    /// <summary>A number of bytes in the largest unit of which it has one.</summary>
    internal static string Scaled(double bytes, string format, CultureInfo culture)
    {
        int unit = 0;
        while (Math.Abs(bytes) >= 1024 && unit < s_units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }
        return bytes.ToString(unit == 0 ? "0" : format, culture) + " " + s_units[unit];
    }
}
