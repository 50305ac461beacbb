using System;
using System.Diagnostics;

namespace ImageBackup.Engine.Platform.Processes;

internal static partial class RunningProcess
{
    private static int GetCurrentId()
    {
        using Process current = Process.GetCurrentProcess();
        return current.Id;
    }
}
