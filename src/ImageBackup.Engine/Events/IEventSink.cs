using System;

namespace ImageBackup.Engine.Events;

/// <summary>Something that happened, as it is logged.</summary>
/// <param name="Volume">The volume that it is about.</param>
/// <param name="ErrorId">The stable error id, if there is one.</param>
internal sealed record LoggedEvent(EventId Id, DateTimeOffset Time, string Message, string? Volume = null, string? ErrorId = null)
{
    public EventSeverity Severity => EventTable.Get(Id).Severity;
}

/// <summary>
/// Where events go: the error log file, syslog, the Windows event log. Contract: any thread; Write never throws and never
/// waits long, because a log that cannot be written must not cost an image. An event that cannot be written is dropped.
/// </summary>
internal interface IEventSink : IDisposable
{
    /// <summary>For people: "file /var/log/imagebackup/error.log".</summary>
    string Description { get; }

    void Write(LoggedEvent happened);
}
