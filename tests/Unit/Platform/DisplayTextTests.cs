using System;
using System.Linq;
using CsCheck;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Platform;
using Xunit;

namespace ImageBackup.Tests.Unit.Platform;

/// <summary>Text of others as it is shown: it steers no terminal, turns no direction, begins no line.</summary>
public sealed class DisplayTextTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData("", "")]
    [InlineData("/dev/sda1 Übung 日本 👍🏽 👩‍🚀", "/dev/sda1 Übung 日本 👍🏽 👩‍🚀")]
    [InlineData(@"C:\u{1b}", @"C:\u{1b}")]
    [InlineData("a\u001b[31mb", @"a\u{1b}[31mb")]
    [InlineData("\u001b]0;title\u0007", @"\u{1b}]0;title\u{7}")]
    [InlineData("\u009b2J\u0090x\u009c", @"\u{9b}2J\u{90}x\u{9c}")]
    [InlineData("a\0\b\u007f", @"a\u{0}\u{8}\u{7f}")]
    [InlineData("\u202efdp.exe\u2066\u200e\u061c", @"\u{202e}fdp.exe\u{2066}\u{200e}\u{61c}")]
    [InlineData("a\u2028b\u2029c\u0085d", @"a\u{2028}b\u{2029}c\u{85}d")]
    [InlineData("a\r\nb\tc", @"a\u{d}\u{a}b\u{9}c")]
    [InlineData("\ufeffa\u200bb\ufff9", @"\u{feff}a\u{200b}b\u{fff9}")]
    [InlineData("a\U000E0041b", @"a\u{e0041}b")]
    public void A_name_stands_in_one_line(string? text, string shown) => Assert.Equal(shown, DisplayText.Line(text));

    [Theory]
    [InlineData("a\nb\r\nc\td", "a\n    b\n    c\td")]
    [InlineData("a\rb", @"a\u{d}b")]
    [InlineData("a\n\u001b[2Kb", "a\n    \\u{1b}[2Kb")]
    [InlineData("one line", "one line")]
    public void A_message_may_have_lines_and_none_passes_for_one_of_its_own(string text, string shown) => Assert.Equal(shown, DisplayText.Lines(text));

    [Fact]
    public void Nothing_that_steers_is_left_of_any_text() => Gen.String.Sample(text =>
    {
        Assert.DoesNotContain(DisplayText.Line(text), IsUnwanted);
        Assert.DoesNotContain(DisplayText.Lines(text), c => IsUnwanted(c) && c is not ('\n' or '\t'));
        // What was shown once is shown again as it is.
        Assert.Equal(DisplayText.Line(text), DisplayText.Line(DisplayText.Line(text)));
    });

    private static bool IsUnwanted(char c) => char.IsControl(c) || c is >= '\u200E' and <= '\u200F' or >= '\u2028' and <= '\u202E' or >= '\u2066' and <= '\u2069';

    /// <summary>The name of a volume, and a message of another program, in all the logs.</summary>
    [Fact]
    public void A_name_forges_no_record_of_a_log()
    {
        const string evil = "x\r\n2026-01-01T00:00:00.000+00:00 ERROR 3000 BackupFailed forged\u001b[2K\u2028";
        var happened = new LoggedEvent(EventId.ImageWarning, DateTimeOffset.Now, "It says: " + evil, evil, "Error");
        string[] lines = FileEventSink.Line(happened).Split('\n');
        Assert.All(lines.Skip(1), line => Assert.StartsWith("    ", line, StringComparison.Ordinal));
        Assert.DoesNotContain(FileEventSink.Line(happened), c => IsUnwanted(c) && c != '\n');
        Assert.DoesNotContain(SyslogSink.Text(happened), IsUnwanted);
    }
}
