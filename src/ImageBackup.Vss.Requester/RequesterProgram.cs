using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading;
using ImageBackup.Vss.Requester.Native;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester;

/// <summary>The requester's process.</summary>
internal static class RequesterProgram
{
    /// <summary>How long undoing may take after the other end is gone; then the process ends, and Windows deletes what it held.</summary>
    private static readonly TimeSpan s_undoLimit = TimeSpan.FromMinutes(2);

    /// <summary>Serves the pipes that it was started with. Returns the exit code: 0, or 2 if the other end was not ours.</summary>
    public static int Run()
    {
        int code = 2;
        // COM is initialized on a thread of our own: the main one's apartment is its program's.
        var worker = new Thread(() => code = Serve());
        worker.Start();
        worker.Join();
        return code;
    }

    private static int Serve()
    {
        int result = NativeMethods.CoInitializeEx(IntPtr.Zero, NativeMethods.COINIT_MULTITHREADED);
        string? notice = null;
        if (VssResult.Failed(result))
            notice = "CoInitializeEx: " + VssResult.Describe(result);
        else if (VssResult.Failed(result = ComSecurity.Set()))
            notice = $"CoInitializeSecurity: {VssResult.Describe(result)}; writers that run as services may be missing";
        using Stream input = Console.OpenStandardInput(), output = Console.OpenStandardOutput();
        var server = new RequesterServer(new FramePipe(input, output), VssLibrary.Create);
        server.Gone.Register(EndLater);
        string? fault = server.Run(notice);
        if (fault is null)
            return 0;
        Console.Error.WriteLine(string.Format(CultureInfo.InvariantCulture, "The requester ends: {0}.", fault));
        return 2;
    }

    /// <summary>A call that never comes back must not hold a snapshot for ever.</summary>
    private static void EndLater() => new Thread(() =>
    {
        Thread.Sleep(s_undoLimit);
        using var own = Process.GetCurrentProcess();
        own.Kill();
    }) { IsBackground = true }.Start();
}
