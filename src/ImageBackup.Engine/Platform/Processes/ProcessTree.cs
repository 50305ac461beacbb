using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;

namespace ImageBackup.Engine.Platform.Processes;

/// <summary>
/// A child process with everything that it starts, so that all of it can be ended. On Linux the tree is the process's
/// descendants and whatever carries its mark in its environment in this session, which finds those too whose parent has ended;
/// a daemon that moved into a session of its own is not part of it. On Windows it is a job object. Any thread.
/// </summary>
/// <remarks>If this object is only disposed, or this process ends, the tree goes on.</remarks>
internal sealed class ProcessTree : IDisposable
{
    /// <summary>How long the programs of a tree have to tidy up after SIGTERM, before they are killed.</summary>
    public static TimeSpan Grace => TimeSpan.FromSeconds(2);

    private const string MarkVariable = "IMAGEBACKUP_TREE";
    private const int Terminate = 15, Kill9 = 9;
    private const int MaxKillRounds = 100;
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(20);
    private static readonly bool s_isWindows = RuntimeInformation.IsOSPlatform(OSPlatform.Windows);

    private readonly string _mark;
    private readonly WindowsJob? _job;
    private readonly object _ending = new();

    private ProcessTree(Process process, string mark, WindowsJob? job) => (Process, _mark, _job) = (process, mark, job);

    /// <summary>The first process of the tree.</summary>
    public Process Process { get; }

    /// <summary>Starts a process without a shell; <paramref name="start"/>'s environment gets the tree's mark.</summary>
    /// <exception cref="Win32Exception">It could not be started.</exception>
    /// <exception cref="InvalidOperationException">As above.</exception>
    public static ProcessTree Start(ProcessStartInfo start)
    {
        if (start is null)
            throw new ArgumentNullException(nameof(start));
        string mark = Guid.NewGuid().ToString("N");
        start.UseShellExecute = false;
        start.Environment[MarkVariable] = mark;
        WindowsJob? job = s_isWindows ? WindowsJob.TryCreate() : null;
        try
        {
            Process process = Process.Start(start) ?? throw new InvalidOperationException("no process");
            job?.Add(process);
            return new ProcessTree(process, $"{MarkVariable}={mark}", job);
        }
        catch
        {
            job?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Waits for the first process's end. If the time is over or the token is cancelled, the whole tree is ended.
    /// </summary>
    /// <returns>True: the process ended by itself. False: it was ended.</returns>
    public bool WaitOrEnd(TimeSpan timeout, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            TimeSpan left = timeout - clock.Elapsed;
            if (cancellation.IsCancellationRequested || left <= TimeSpan.Zero)
            {
                if (Process.WaitForExit(0) && !cancellation.IsCancellationRequested)
                    return true;
                End();
                return false;
            }
            if (Process.WaitForExit((int)Math.Max(1, Math.Min(left.TotalMilliseconds, s_look.TotalMilliseconds))))
            {
                if (!cancellation.IsCancellationRequested)
                    return true;
            }
        }
    }

    /// <summary>
    /// Ends the tree: SIGTERM to all of it, and SIGKILL to what is left after <see cref="Grace"/>. LVM's programs, which must
    /// not be killed half-way, block SIGTERM while a device is suspended. Windows has no such request: there it is terminated
    /// at once. Never throws; returns when nothing of the tree runs, or the system does not let it go.
    /// </summary>
    public void End()
    {
        lock (_ending)
        {
            if (_job is not null || s_isWindows)
            {
                _job?.Terminate();
                KillByRuntime();
                return;
            }
            EndOnLinux();
        }
    }

    public void Dispose()
    {
        _job?.Dispose();
        Process.Dispose();
    }

    private void EndOnLinux()
    {
        var known = new Dictionary<int, LinuxProcess>();
        Find(known);
        foreach (LinuxProcess process in known.Values)
            Signal(process, Terminate);
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < Grace)
        {
            Find(known);
            if (known.Count == 0 && HasExited())
                return;
            Thread.Sleep(s_look);
        }
        // A process that it starts between our look and its death is found by the next look.
        for (int round = 0; round < MaxKillRounds; round++)
        {
            Find(known);
            if (known.Count == 0 && HasExited())
                return;
            foreach (LinuxProcess process in known.Values)
                Signal(process, Kill9);
            Thread.Sleep(s_look);
        }
        KillByRuntime();
    }

    /// <summary>Updates what is known of the tree: without those that have ended, with those that came.</summary>
    private void Find(Dictionary<int, LinuxProcess> known)
    {
        IReadOnlyList<LinuxProcess> all = LinuxProcess.All();
        int self = RunningProcess.CurrentId;
        int? session = LinuxProcess.Current?.SessionId;
        var members = new Dictionary<int, LinuxProcess>();
        var before = new Dictionary<int, LinuxProcess>(known);
        int root = HasExited() ? 0 : RootId();
        foreach (LinuxProcess process in all)
        {
            if (process.IsZombie || process.Id == self)
                continue;
            bool wasKnown = before.TryGetValue(process.Id, out LinuxProcess old) && old.StartTicks == process.StartTicks;
            if (wasKnown || process.Id == root || (process.SessionId == session && process.HasVariable(_mark)))
                members[process.Id] = process;
        }
        for (bool grew = true; grew;)
        {
            grew = false;
            foreach (LinuxProcess process in all)
            {
                if (!process.IsZombie && members.ContainsKey(process.ParentId) && !members.ContainsKey(process.Id))
                {
                    members[process.Id] = process;
                    grew = true;
                }
            }
        }
        known.Clear();
        foreach (KeyValuePair<int, LinuxProcess> member in members)
            known.Add(member.Key, member.Value);
    }

    /// <summary>Not to one that has taken its number since.</summary>
    private static void Signal(LinuxProcess process, int signal)
    {
        if (LinuxProcess.TryRead(process.Id) is { } now && now.StartTicks == process.StartTicks)
            _ = kill(process.Id, signal);
    }

    private int RootId()
    {
        try
        {
            return Process.Id;
        }
        catch (InvalidOperationException)
        {
            return 0;
        }
    }

    private bool HasExited()
    {
        try
        {
            return Process.WaitForExit(0);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return true;
        }
    }

    private void KillByRuntime()
    {
        try
        {
            if (!Process.HasExited)
                ChildProcess.Kill(Process);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or NotSupportedException or AggregateException
            or System.Reflection.TargetInvocationException)
        {
            // It has ended meanwhile.
        }
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int processId, int signal);
}
