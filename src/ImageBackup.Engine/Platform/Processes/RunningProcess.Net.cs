using System;

namespace ImageBackup.Engine.Platform.Processes;

internal static partial class RunningProcess
{
    private static int GetCurrentId() => Environment.ProcessId;
}
