using System;
using System.Text;
using ImageBackup.Engine.FileSystems.Trees;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Trees;

public sealed class UnixFileNameTests
{
    /// <summary>Not inline data: an attribute's text is UTF-8, which has no unpaired surrogates.</summary>
    private static readonly (string Hex, string Text)[] s_names =
    [
        ("706C61696E", "plain"),
        ("C3A9", "\u00E9"),
        ("F09F9880", "\U0001F600"),
        ("E9", "\uDCE9"),
        ("61FF62", "a\uDCFFb"),
        ("C3", "\uDCC3"),
        ("EDB380", "\uDCED\uDCB3\uDC80"), // An encoded surrogate is not UTF-8.
        ("C080", "\uDCC0\uDC80"), // Neither is a sequence that is too long.
        ("F4908080", "\uDCF4\uDC90\uDC80\uDC80"), // Nor what lies behind U+10FFFF.
    ];

    [Fact]
    public void A_name_comes_back_byte_by_byte() => Assert.All(s_names, name =>
    {
        byte[] bytes = Convert.FromHexString(name.Hex);
        Assert.Equal(name.Text, UnixFileName.Decode(bytes));
        Assert.Equal(bytes, UnixFileName.Encode(name.Text));
    });

    [Fact]
    public void Random_names_come_back()
    {
        var random = new Random(22);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] name = new byte[random.Next(1, 24)];
            random.NextBytes(name);
            if (i % 3 == 0)
                name = [.. Encoding.UTF8.GetBytes("\u00E9\u4E2D\U0001F600"), .. name.AsSpan(0, name.Length / 2)];
            Assert.Equal(name, UnixFileName.Encode(UnixFileName.Decode(name)));
        }
    }

    [Fact]
    public void A_surrogate_that_stands_for_no_byte_is_refused() =>
        Assert.Throws<ArgumentException>(() => UnixFileName.Encode("a\uD800"));

    [Theory]
    [InlineData(0L, 0, "1970-01-01T00:00:00.0000000Z")]
    [InlineData(15_032_385_535L, 999_999_999, "2446-05-10T22:38:55.9999999Z")]
    [InlineData(-2_147_483_648L, 0, "1901-12-13T20:45:52.0000000Z")]
    [InlineData(253_402_300_800L, 0, null)]
    public void A_time_of_any_file_system_is_a_date_if_a_date_can_hold_it(long seconds, int nanoseconds, string? expected) =>
        Assert.Equal(expected, new FileTreeTime(seconds, nanoseconds).ToDateTime()?.ToString("o", System.Globalization.CultureInfo.InvariantCulture));

    [Fact]
    public void A_file_time_is_counted_from_1601() =>
        Assert.Equal(new FileTreeTime(-11_644_473_600 + 1, 200), FileTreeTime.FromFileTime(10_000_002));
}
