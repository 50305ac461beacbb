using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Text;

namespace ImageBackup.Engine.Platform.Processes;

internal static partial class ChildProcess
{
    private static void SetArguments(ProcessStartInfo start, IReadOnlyList<string> arguments)
    {
        var line = new StringBuilder();
        foreach (string argument in arguments)
        {
            if (line.Length > 0)
                line.Append(' ');
            Quote(line, argument);
        }
        start.Arguments = line.ToString();
    }

    /// <summary>With everything that it started, if the runtime that loads this build can; .NET Framework ends the process itself.</summary>
    internal static void Kill(Process process)
    {
        if (typeof(Process).GetMethod("Kill", [typeof(bool)]) is { } killTree)
            killTree.Invoke(process, [true]);
        else
            process.Kill();
    }

    /// <summary>As CommandLineToArgvW and .NET on Unix read it: backslashes count only before a quotation mark.</summary>
    private static void Quote(StringBuilder line, string argument)
    {
        line.Append('"');
        int backslashes = 0;
        foreach (char c in argument)
        {
            if (c == '"')
                line.Append('\\', backslashes + 1);
            backslashes = c == '\\' ? backslashes + 1 : 0;
            line.Append(c);
        }
        line.Append('\\', backslashes).Append('"');
    }
}
