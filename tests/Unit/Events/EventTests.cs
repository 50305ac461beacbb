using System;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using ImageBackup.Engine.Events;
using ImageBackup.Tests.Kits;
using Xunit;

namespace ImageBackup.Tests.Unit.Events;

public sealed partial class EventTests : IDisposable
{
    private static readonly DateTimeOffset s_time = new(2026, 3, 4, 5, 6, 7, TimeSpan.FromHours(1));
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_event_has_one_row_and_a_severity_by_its_number()
    {
        Assert.Equal(Enum.GetValues<EventId>().Order(), EventTable.All.Select(row => row.Id).Order());
        foreach (EventEntry row in EventTable.All)
        {
            Assert.Equal(((int)row.Id / 1000) switch { 1 => EventSeverity.Information, 2 => EventSeverity.Warning, 3 => EventSeverity.Error, _ => (EventSeverity)(-1) }, row.Severity);
            Assert.EndsWith(".", row.Meaning, StringComparison.Ordinal);
            Assert.EndsWith(".", row.RecommendedAction, StringComparison.Ordinal);
        }
        Assert.Equal(Enum.GetValues<EventId>().Length, Enum.GetValues<EventId>().Distinct().Count());
    }

    /// <summary>The help's table is the code's.</summary>
    [Fact]
    public void The_help_names_every_event()
    {
        string help = SourceTree.Read("en-US/about_ImageBackup_Events.help.txt");
        string flat = Blanks().Replace(help, " ");
        foreach (EventEntry row in EventTable.All)
        {
            Assert.Contains($" {(int)row.Id} {row.Id} ", flat, StringComparison.Ordinal);
            Assert.Contains(row.Meaning, flat, StringComparison.Ordinal);
            if (row.RecommendedAction != "None.")
                Assert.Contains("What to do: " + row.RecommendedAction, flat, StringComparison.Ordinal);
        }
        Assert.Equal(EventTable.All.Count, Rows().Count(help));
    }

    [Fact]
    public void The_file_holds_warnings_and_errors_a_line_each()
    {
        string path = Path.Combine(_directory["logs"], "error.log");
        using (var sink = new FileEventSink(path))
        {
            sink.Write(new LoggedEvent(EventId.ImageTaken, s_time, "not worth a line"));
            Assert.False(File.Exists(path));
            sink.Write(new LoggedEvent(EventId.ImageFailedOver, s_time, "no room {here}", "/dev/sda1"));
            sink.Write(new LoggedEvent(EventId.BackupFailed, s_time, "first\r\nsecond\n", "/dev/sda1", "ReadFailed"));
            // Another process may have it open too.
            using var other = new FileEventSink(path);
            other.Write(new LoggedEvent(EventId.BackupFailed, s_time, "of another"));
        }
        Assert.Equal(
            [
                "2026-03-04T05:06:07.000+01:00 WARN  2010 ImageFailedOver [/dev/sda1] no room {here}",
                "2026-03-04T05:06:07.000+01:00 ERROR 3000 BackupFailed [/dev/sda1] ReadFailed: first",
                "    second",
                "2026-03-04T05:06:07.000+01:00 ERROR 3000 BackupFailed of another",
            ], File.ReadAllLines(path));
    }

    [Fact]
    public void A_file_that_cannot_be_written_costs_nothing()
    {
        string blocked = _directory["blocked"];
        File.WriteAllText(blocked, "");
        using var sink = new FileEventSink(Path.Combine(blocked, "error.log"));
        sink.Write(new LoggedEvent(EventId.BackupFailed, s_time, "x"));
        sink.Write(new LoggedEvent(EventId.BackupFailed, s_time, "x"));
        Assert.Equal("", File.ReadAllText(blocked));
    }

    [Fact]
    public void The_file_turns_over_and_keeps_the_last_few()
    {
        string path = Path.Combine(_directory["logs"], "error.log");
        using (var sink = new FileEventSink(path))
        {
            string message = new('x', 64 << 10);
            for (int i = 0; i < 500; i++)
                sink.Write(new LoggedEvent(EventId.BackupFailed, s_time, message));
        }
        FileInfo[] files = new DirectoryInfo(_directory["logs"]).GetFiles();
        Assert.InRange(files.Length, 2, 5);
        Assert.All(files, file => Assert.InRange(file.Length, 1, (4 << 20) + (1 << 20)));
    }

    [Fact]
    public void Syslog_gets_one_datagram_an_event()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Syslog's socket is Unix's.");
        string path = _directory["log.socket"];
        using var listener = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        using var sink = new SyslogSink(path);
        sink.Write(new LoggedEvent(EventId.BackupFailed, s_time, "first\nsecond %s", "/dev/sda1", "ReadFailed"));
        byte[] buffer = new byte[65536];
        listener.ReceiveTimeout = 30_000;
        string text = Encoding.UTF8.GetString(buffer, 0, listener.Receive(buffer));
        Assert.Equal($"<27>Mar  4 05:06:07 imagebackup[{Environment.ProcessId}]: 3000 BackupFailed (ReadFailed): first | second %s", text);
    }

    [Fact]
    public void Nobody_listening_costs_nothing()
    {
        new SyslogSink(_directory["nobody"]).Write(new LoggedEvent(EventId.BackupFailed, s_time, "x"));
        new SyslogSink("/" + new string('x', 300)).Write(new LoggedEvent(EventId.BackupFailed, s_time, "x"));
        File.WriteAllText(_directory["file"], "");
        new SyslogSink(_directory["file"]).Write(new LoggedEvent(EventId.BackupFailed, s_time, "x"));
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    [GeneratedRegex(@"^    \d{4} ", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
