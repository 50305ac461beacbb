using System;
using System.Runtime.CompilerServices;
using ImageBackup.Engine.Events;

namespace ImageBackup.Tests.Unit;

/// <summary>Hundreds of failures on purpose are nothing for the machine's logs.</summary>
internal static class EventsOff
{
    [ModuleInitializer]
    internal static void Initialize() => Environment.SetEnvironmentVariable(EventLogPaths.Variable, "OFF");
}
