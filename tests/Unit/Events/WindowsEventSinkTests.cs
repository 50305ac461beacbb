using System;
using System.Collections.Generic;
using ImageBackup.Engine.Events;
using Xunit;

namespace ImageBackup.Tests.Unit.Events;

/// <summary>Against a double of the calls; under Wine they are made for real (tests/Wine).</summary>
public sealed class WindowsEventSinkTests
{
    [Theory]
    [InlineData(EventId.ImageTaken, 4)]
    [InlineData(EventId.ImageFuzzy, 2)]
    [InlineData(EventId.BackupFailed, 1)]
    public void Events_are_reported_with_their_number_and_type(Enum idValue, ushort type)
    {
        var id = (EventId)idValue;
        var api = new Api();
        using (var sink = new WindowsEventSink(api))
            sink.Write(new LoggedEvent(id, DateTimeOffset.Now, "It\0happened.", "D:", "VolumeInUse"));
        (ushort writtenType, uint writtenId, string text) = Assert.Single(api.Reports);
        Assert.Equal((type, (uint)id), (writtenType, writtenId));
        Assert.Equal($"It\\u{{0}}happened.{Environment.NewLine}Error: VolumeInUse{Environment.NewLine}Volume: D:", text);
        Assert.Equal(0, api.OpenCount);
    }

    [Fact]
    public void A_log_that_refuses_costs_nothing_and_is_opened_anew()
    {
        var api = new Api { Refuses = true };
        using var sink = new WindowsEventSink(api);
        sink.Write(new LoggedEvent(EventId.ImageTaken, DateTimeOffset.Now, "one"));
        api.Refuses = false;
        sink.Write(new LoggedEvent(EventId.ImageTaken, DateTimeOffset.Now, "two"));
        Assert.Equal("two", Assert.Single(api.Reports).Text);
        sink.Dispose();
        sink.Write(new LoggedEvent(EventId.ImageTaken, DateTimeOffset.Now, "three"));
        Assert.Single(api.Reports);
    }

    [Fact]
    public void A_long_text_is_cut()
    {
        var api = new Api();
        using var sink = new WindowsEventSink(api);
        sink.Write(new LoggedEvent(EventId.CommandRun, DateTimeOffset.Now, new string('x', 100_000)));
        Assert.Equal(WindowsEventSink.MostChars, Assert.Single(api.Reports).Text.Length);
    }

    [Fact]
    public void Where_there_is_no_event_log_nothing_is_thrown()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has one");
        using var sink = new WindowsEventSink();
        sink.Write(new LoggedEvent(EventId.ImageTaken, DateTimeOffset.Now, "one"));
        Assert.False(WindowsEventSource.IsRegistered());
        Assert.NotNull(WindowsEventSource.Register());
    }

    private sealed class Api : IWindowsEventApi
    {
        public bool Refuses { get; set; }
        public int OpenCount { get; private set; }
        public List<(ushort Type, uint Id, string Text)> Reports { get; } = [];

        public IntPtr Open(string source)
        {
            OpenCount++;
            return 7;
        }

        public bool Report(IntPtr log, ushort type, uint id, string text)
        {
            if (!Refuses)
                Reports.Add((type, id, text));
            return !Refuses;
        }

        public void Close(IntPtr log) => OpenCount--;
    }
}
