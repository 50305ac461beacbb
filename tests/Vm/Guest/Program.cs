using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>Runs in the test machine: every case in one boot, each ending in one line for the host. Also the child that is killed.</summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        if (arguments is ["hold", var type, var phase, var device])
            return Holder.Run(type, phase, device);
        if (arguments is ["cut", var location, var logDevice])
            return CutWork.Run(location, logDevice);
        if (arguments is not ["run", ..])
        {
            Console.Error.WriteLine("This program changes disks; it is for the test machine.");
            return 2;
        }
        Say("the guest program runs");
        var cases = new (string Name, Action Run)[]
        {
            ("snapshot-ext4", () => SnapshotCases.Equal("ext4")),
            ("snapshot-xfs", () => SnapshotCases.Equal("xfs")),
            ("snapshot-overflow", SnapshotCases.Overflow),
            ("snapshot-thin", SnapshotCases.Thin),
            ("failover", StaticCases.Failover),
            ("static-busy", StaticCases.Busy),
            ("static-third-wait", StaticCases.ThirdWait),
            ("partition-table", PartitionTableCases.Reread),
            ("identity-order", IdentityCases.Order),
            ("bad-sectors", BadSectorCases.Policy),
            ("kill-static-rest", () => KillCases.Static("rest")),
            ("kill-static-copy", () => KillCases.Static("copy")),
            ("terminate-static", KillCases.Terminated),
            ("kill-snapshot-taken", () => KillCases.Snapshot("taken")),
            ("kill-snapshot-copy", () => KillCases.Snapshot("copy")),
            ("terminate-snapshot-taken", () => KillCases.SnapshotTerminated("taken")),
            ("terminate-snapshot-copy", () => KillCases.SnapshotTerminated("copy")),
            // Names and content of unflushed files in any order: the harshest that ext4 has.
            ("power-cut-ext4", () => PowerCutCases.Replayed("ext4", "data=writeback,noauto_da_alloc", 64)),
            ("power-cut-xfs", () => PowerCutCases.Replayed("xfs", "nouuid", 304)),
        };
        // For who works on a few of them: IMAGEBACKUP_VM_CASES of the host.
        string? only = Asked("guest_cases");
        cases = [.. cases.Where(c => only is null || c.Name.StartsWith(only, StringComparison.Ordinal))];
        try
        {
            GuestDisk.Prepare();
        }
        catch (Exception e)
        {
            foreach ((string name, _) in cases)
                Report(name, "fail", "The disk could not be prepared: " + e);
            return 1;
        }
        foreach ((string name, Action run) in cases)
            RunOne(name, run);
        return 0;
    }

    /// <summary>What a case counted; shown with its outcome.</summary>
    public static string Note { get; set; } = "";

    /// <summary>A word that the host put on the kernel's command line; null if it did not.</summary>
    public static string? Asked(string name) =>
        File.ReadAllText("/proc/cmdline").Split(' ').FirstOrDefault(p => p.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..].Trim();

    public static void Say(string text) => Console.WriteLine("VM: " + text);

    private static void RunOne(string name, Action run)
    {
        var clock = Stopwatch.StartNew();
        Note = "";
        try
        {
            run();
            Report(name, "pass", Note);
        }
        catch (CaseSkipped e)
        {
            Report(name, "skip", e.Message);
        }
        catch (Exception e)
        {
            Report(name, "fail", e.ToString());
            Say(e.ToString());
        }
        finally
        {
            GuestDisk.UnmountAll();
        }
        Say($"{name} took {clock.Elapsed.TotalSeconds:0.0} s");
    }

    private static void Report(string name, string outcome, string message) =>
        Console.WriteLine($"CASE {name} {outcome} {Convert.ToBase64String(Encoding.UTF8.GetBytes(message.Length == 0 ? "-" : message))}");
}

/// <summary>The machine lacks something; the reason is shown.</summary>
internal sealed class CaseSkipped(string reason) : Exception(reason);

/// <summary>What a case expects.</summary>
internal static class Expect
{
    public static void True(bool isSo, string message)
    {
        if (!isSo)
            throw new InvalidOperationException(message);
    }

    public static void Equal<T>(T expected, T actual, string what) =>
        True(EqualityComparer<T>.Default.Equals(expected, actual), $"{what}: expected '{expected}', was '{actual}'.");

    public static TException Throws<TException>(Action action)
        where TException : Exception
    {
        try
        {
            action();
        }
        catch (TException e)
        {
            return e;
        }
        throw new InvalidOperationException($"No {typeof(TException).Name} was thrown.");
    }
}
