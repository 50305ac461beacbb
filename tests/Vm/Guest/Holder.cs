using System;
using System.Threading;
using ImageBackup.Engine.Pipeline;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>A backup that stops in a phase, says so, and waits there to be killed.</summary>
internal static class Holder
{
    public static int Run(string type, string phase, string device)
    {
        using var rig = new Rig();
        string? mark = phase switch { "rest" => "remounted read-only", "taken" => "read from the snapshot", _ => null };
        rig.OnTold = line =>
        {
            if (mark is not null && line.Contains(mark, StringComparison.Ordinal))
                Wait();
        };
        rig.Backup(device, Enum.Parse<ImageType>(type), progress: phase == "copy" ? new Stop() : null);
        Console.WriteLine("ENDED");
        return 0;
    }

    private static void Wait()
    {
        Console.WriteLine("REACHED");
        Thread.Sleep(Timeout.Infinite);
    }

    private sealed class Stop : IProgress<JobProgress>
    {
        public void Report(JobProgress value)
        {
            if (value is { Phase: JobPhase.Copying, DoneBytes: > 0 })
                Wait();
        }
    }
}
