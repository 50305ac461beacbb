using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace ImageBackup.Engine.Platform.Processes;

internal static partial class ChildProcess
{
    private static void SetArguments(ProcessStartInfo start, IReadOnlyList<string> arguments)
    {
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
    }

    /// <summary>With everything that it started.</summary>
    internal static void Kill(Process process) => process.Kill(entireProcessTree: true);
}
