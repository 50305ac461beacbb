using System;
using System.Globalization;
using ImageBackup.Vss.Requester.Protocol;

namespace ImageBackup.Vss.Requester;

/// <summary>The HRESULTs of VSS: what each says in words, and of the next attempt.</summary>
public static class VssResult
{
    public const int Ok = 0;
    public const int ObjectNotFound = unchecked((int)0x80042308);
    public const int AsyncPending = 0x00042309;
    public const int AsyncFinished = 0x0004230A;
    public const int AsyncCancelled = 0x0004230B;
    public const int AccessDenied = unchecked((int)0x80070005);

    public static bool Failed(int result) => result < 0;

    /// <summary>A sentence's part, with the number.</summary>
    public static string Describe(int result) => $"{Words(result)} (0x{result.ToString("X8", CultureInfo.InvariantCulture)})";

    public static FailureKind KindOf(int result) => unchecked((uint)result) switch
    {
        0x80042316 => FailureKind.Busy,
        // The service's own faults that pass, lack of room or of numbers (another program's snapshot may go), and the writers' that may pass.
        0x80042313 or 0x80042314 or 0x80042317 or 0x8004231F or 0x80042318 or 0x80042319 or 0x80042328 or 0x80042329
            or 0x800423F0 or 0x800423F1 or 0x800423F2 or 0x800423F3 => FailureKind.AnotherTime,
        _ => FailureKind.Hopeless,
    };

    /// <summary>Worth another attempt ("Writer Errors and Vetoes").</summary>
    public static bool WriterMayPass(int failure) => KindOf(failure) == FailureKind.AnotherTime;

    /// <summary>Failed at one of the events.</summary>
    public static bool HasFailed(WriterReport writer) => writer.State is >= 6 and <= 15 || Failed(writer.Failure);

    public static string Describe(WriterReport writer)
    {
        string state = StateWords(writer.State), text = $"'{writer.Name}' {(state.StartsWith("failed", StringComparison.Ordinal) ? "" : "is ")}{state}";
        return writer.Failure == Ok ? text : $"{text}: {Describe(writer.Failure)}";
    }

    public static string StateWords(int state) => state switch
    {
        1 => "stable",
        2 => "waiting for the freeze",
        3 => "frozen",
        4 => "waiting for the end of the snapshot",
        5 => "waiting for the end of the backup",
        6 => "failed when it was asked what it has",
        7 => "failed when the backup was prepared",
        8 => "failed when the snapshot was prepared",
        9 => "failed at the freeze",
        10 => "failed at the thaw",
        11 => "failed after the snapshot",
        12 => "failed at the end of the backup",
        13 => "failed before a restore",
        14 => "failed after a restore",
        15 => "failed when the backup was given up",
        _ => "in an unknown state",
    };

    private static string Words(int result) => unchecked((uint)result) switch
    {
        0x80004001 => "this system has no VSS",
        0x80004005 => "an unspecified error",
        0x80070005 => "access is denied: it takes an administrator or a backup operator",
        0x8007000E => "out of memory",
        0x80070057 => "an argument was refused",
        0x80040154 => "the service is not registered",
        0x80070422 => "the service is disabled",
        0x800706BA => "the service does not answer",
        0x80010108 => "the service has gone",
        0x80042301 => "VSS calls the order of calls wrong",
        0x80042302 => "an unexpected error in VSS; its event log entries say more",
        0x80042304 => "the snapshot provider is not registered",
        0x80042306 => "the snapshot provider refused; its event log entries say more",
        0x80042307 => "the snapshot provider is in use",
        0x80042308 => "it is not there",
        0x8004230C => "VSS does not support the volume",
        0x8004230E => "the snapshot provider does not support the volume",
        0x8004230D => "it exists already",
        0x8004230F => "an unexpected error in the snapshot provider",
        0x80042310 or 0x80042311 => "a writer's document is damaged",
        0x80042312 => "the set has as many volumes as one may have",
        0x80042313 => "the volume's writes could not be flushed in time",
        0x80042314 => "the volume's writes could not be held in time",
        0x80042315 => "an unexpected error in a writer",
        0x80042316 => "another snapshot set is being made",
        0x80042317 => "the volume has as many snapshots as it may have",
        0x80042318 => "the writers cannot be reached; is the COM+ Event System running?",
        0x80042319 => "a writer does not answer",
        0x8004231B => "this Windows does not know such snapshots",
        0x8004231D => "the volume is in use",
        0x8004231E => "there are as many storage areas as there may be",
        0x8004231F => "no room for the snapshot's storage area",
        0x80042327 => "the machine must be restarted first",
        0x80042328 => "transactions could not be held in time",
        0x80042329 => "transactions could not be let go in time",
        0x8004232D => "the volume is not this machine's",
        0x8004232E => "the cluster did not answer in time",
        0x8004232F => "VSS does not support it",
        0x80042336 => "some of its components failed",
        0x80042409 => "the writer's state is not known",
        0x800423F0 => "its data in the snapshot do not fit together",
        0x800423F1 => "it lacks memory or another resource",
        0x800423F2 => "it took longer than it may",
        0x800423F3 => "it may succeed another time",
        0x800423F4 => "it would fail again; the writer's own event log entries say why",
        0x800423F5 => "its recovery failed",
        _ => "an error",
    };
}
