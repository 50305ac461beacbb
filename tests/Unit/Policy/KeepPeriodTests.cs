using System;
using System.Globalization;
using ImageBackup.Engine.Policy.Retention;
using Xunit;

namespace ImageBackup.Tests.Unit.Policy;

public class KeepPeriodTests
{
    [Theory]
    [InlineData("1y6m14d12h", "1y6m14d12h")]
    [InlineData("12h1Y", "1y12h")]
    [InlineData(" 30 ", "30d")]
    [InlineData("0", "0d")]
    [InlineData("0d0h", "0d")]
    public void Reads_restics_lengths_of_time(string text, string expected)
    {
        Assert.True(KeepPeriod.TryParse(text, out KeepPeriod period));
        Assert.Equal(expected, period.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("d")]
    [InlineData("1w")]
    [InlineData("-1d")]
    [InlineData("1d1d")]
    [InlineData("1d 2h")]
    [InlineData("999999d")]
    [InlineData("1.5d")]
    [InlineData("99999999999999999999d")]
    public void Refuses_all_else(string? text) => Assert.False(KeepPeriod.TryParse(text, out _));

    [Theory]
    [InlineData("2026-03-31", "1m", "2026-03-03")]
    [InlineData("2024-02-29", "1y", "2023-03-01")]
    [InlineData("2026-01-15", "2m20d", "2025-10-26")]
    [InlineData("2026-01-01", "99999y", "0001-01-01")]
    [InlineData("0001-01-03", "5d", "0001-01-01")]
    [InlineData("2026-01-01", "99999d99999h", "1740-10-21")]
    public void Counts_by_the_calendar_as_restic(string from, string period, string expected)
    {
        Assert.True(KeepPeriod.TryParse(period, out KeepPeriod parsed));
        DateTimeOffset before = parsed.Before(DateTimeOffset.Parse(from, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal));
        Assert.Equal(expected, before.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
    }
}
