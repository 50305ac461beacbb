using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace ImageBackup.Engine.Events;

/// <summary>The sinks that the running system has.</summary>
internal static class SystemEventSinks
{
    public static IReadOnlyList<IEventSink> Create()
    {
        if (EventLogPaths.IsOff)
            return [];
        var file = new FileEventSink(EventLogPaths.ErrorLog);
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            return [file, new WindowsEventSink()];
        return RuntimeInformation.IsOSPlatform(OSPlatform.Linux) ? [file, new SyslogSink()] : [file];
    }
}
