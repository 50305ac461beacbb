using System.Collections.Generic;

namespace ImageBackup.Engine.Events;

/// <summary>The sinks that the running system has.</summary>
internal static class SystemEventSinks
{
    public static IReadOnlyList<IEventSink> Create() => [];
}
