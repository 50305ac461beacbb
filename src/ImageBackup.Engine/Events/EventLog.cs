using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Events;

/// <summary>Hands every event to every sink. Any thread.</summary>
internal sealed class EventLog(IReadOnlyList<IEventSink> sinks) : IDisposable
{
    private static readonly object s_gate = new();
    private static EventLog? s_current;

    /// <summary>Nobody listens: for tests, and if a caller keeps its own log.</summary>
    public static EventLog Silent { get; } = new([]);

    /// <summary>This machine's logs.</summary>
    public static EventLog Current
    {
        get
        {
            lock (s_gate)
                return s_current ??= new EventLog(SystemEventSinks.Create());
        }
    }

    public IReadOnlyList<IEventSink> Sinks => sinks;

    /// <summary>Adds one that lives in another assembly.</summary>
    public static void Register(IEventSink sink)
    {
        lock (s_gate)
            s_current = new EventLog([.. Current.Sinks, sink]);
    }

    public void Write(EventId id, string message, string? volume = null, string? errorId = null)
    {
        var happened = new LoggedEvent(id, DateTimeOffset.Now, message, volume, errorId);
        foreach (IEventSink sink in sinks)
            sink.Write(happened);
    }

    public void Dispose()
    {
        foreach (IEventSink sink in sinks)
            sink.Dispose();
    }
}
