using System;
using System.Globalization;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Snapshots;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository;

/// <summary>Any time of RFC 3339 is legal input; what DateTimeOffset cannot hold keeps its place in the order.</summary>
public sealed class Rfc3339Tests
{
    private const string Min = "0001-01-01T00:00:00.0000000+00:00", Max = "9999-12-31T23:59:59.9999999+00:00";

    [Theory]
    [InlineData("2026-11-29T01:02:03Z", "2026-11-29T01:02:03.0000000+00:00")]
    [InlineData("2026-11-29t01:02:03z", "2026-11-29T01:02:03.0000000+00:00")]
    [InlineData("2026-11-29 01:02:03+05:45", "2026-11-29T01:02:03.0000000+05:45")]
    [InlineData("2026-11-29T01:02:03.1Z", "2026-11-29T01:02:03.1000000+00:00")]
    [InlineData("2026-11-29T01:02:03.123456789-09:30", "2026-11-29T01:02:03.1234567-09:30")]
    [InlineData("2026-11-29T01:02:03.12345678901234567890123Z", "2026-11-29T01:02:03.1234567+00:00")]
    [InlineData("2026-11-29T01:02:03-00:00", "2026-11-29T01:02:03.0000000+00:00")]
    [InlineData("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.0000000+00:00")]
    [InlineData("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.0000000+00:00")]
    [InlineData("2016-12-31T23:59:60.5+01:00", "2017-01-01T00:00:00.5000000+01:00")]
    [InlineData("2026-11-29T12:00:00+23:59", "2026-11-28T12:01:00.0000000+00:00")]
    [InlineData("2026-11-29T12:00:00-15:00", "2026-11-30T03:00:00.0000000+00:00")]
    [InlineData("0001-01-01T00:00:00Z", Min)]
    [InlineData("0001-01-01T00:00:00+09:00", Min)]
    [InlineData("0001-01-01T00:00:00-09:00", "0001-01-01T00:00:00.0000000-09:00")]
    [InlineData("0000-02-29T00:00:00Z", Min)]
    [InlineData("0000-12-31T23:00:00-02:00", "0001-01-01T01:00:00.0000000+00:00")]
    [InlineData("9999-12-31T23:59:59.999999999Z", Max)]
    [InlineData("9999-12-31T23:59:59-05:00", Max)]
    [InlineData("9999-12-31T23:59:60Z", Max)]
    [InlineData("9999-12-31T23:59:59+05:00", "9999-12-31T23:59:59.0000000+05:00")]
    public void A_time_is_read(string text, string expected)
    {
        Assert.True(Rfc3339.TryParse(text, out DateTimeOffset time));
        Assert.Equal(expected, time.ToString("o", CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("")]
    [InlineData("yesterday")]
    [InlineData("2026-11-29")]
    [InlineData("2026-11-29T01:02:03")]
    [InlineData("2026-11-29T01:02Z")]
    [InlineData("2026-11-29T01:02:03.Z")]
    [InlineData("2026-11-29T01:02:03.5")]
    [InlineData("2026-11-29T01:02:61Z")]
    [InlineData("2026-11-29T24:00:00Z")]
    [InlineData("2026-13-01T00:00:00Z")]
    [InlineData("2026-02-29T00:00:00Z")]
    [InlineData("2026-00-10T00:00:00Z")]
    [InlineData("2026-11-29T01:02:03+24:00")]
    [InlineData("2026-11-29T01:02:03+01:60")]
    [InlineData("2026-11-29T01:02:03+0100")]
    [InlineData("2026-11-29T01:02:03Zx")]
    [InlineData("２026-11-29T01:02:03Z")]
    public void Another_text_is_none(string text) => Assert.False(Rfc3339.TryParse(text, out _));

    /// <summary>Whatever is cut out of a time, put into it or changed: no other exception than none.</summary>
    [Fact]
    public void No_text_throws()
    {
        var random = new Random(3);
        const string Characters = "0123456789-+:.TtZz 0000999";
        for (int i = 0; i < 20_000; i++)
        {
            char[] text = "2026-11-29T01:02:03.123456789+05:45".ToCharArray(0, random.Next(1, 36));
            for (int change = random.Next(4); change > 0; change--)
                text[random.Next(text.Length)] = Characters[random.Next(Characters.Length)];
            _ = Rfc3339.TryParse(new string(text), out _);
        }
    }

    /// <summary>restic (Go) takes a snapshot without a time for one of the first instant.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("\"time\":null,")]
    [InlineData("\"time\":\"0001-01-01T00:00:00+09:00\",")]
    public void A_snapshot_of_the_first_instant_is_read(string time)
    {
        string json = $"{{{time}\"tree\":\"{new string('a', 64)}\",\"paths\":[\"/x\"]}}";
        SnapshotRecord snapshot = SnapshotRecord.Read(System.Text.Encoding.UTF8.GetBytes(json));
        Assert.Equal(DateTimeOffset.MinValue, snapshot.Time);
        // Told in any zone, it does not fall off the calendar.
        _ = snapshot.Time.LocalDateTime.ToUniversalTime();
    }
}
