using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace ImageBackup.Tests.Wine.Vss;

/// <summary>A script of the double and what must come of it.</summary>
/// <param name="Name">Of its files.</param>
/// <param name="Lines">The script's, after those of the volume and the writers.</param>
/// <param name="Says">A part of the fault; null: it is good.</param>
/// <param name="Warns">A part of the warnings; empty: there are none.</param>
internal sealed record VssCase(string Name, IReadOnlyList<string> Lines, string? Says, string Warns = "")
{
    /// <summary>
    /// How long a call is waited for in the cases in which one hangs; the others have <see cref="PatientSeconds"/>: a machine with much to do
    /// takes seconds to begin a process.
    /// </summary>
    public const int HangSeconds = 3;

    public const int PatientSeconds = 20;

    /// <summary>The names of the cases in which a call hangs, for PowerShell.</summary>
    public const string HangNames = "^(hang-|stubborn)";

    private const string Unexpected = "0x80042302";

    /// <summary>Every call that a set's taking makes.</summary>
    private static readonly string[] s_calls =
    [
        "CreateVssBackupComponents", "InitializeForBackup", "SetContext", "SetBackupState", "GatherWriterMetadata", "GetWriterMetadataCount", "GetWriterMetadata",
        "GetIdentity", "GetFileCounts", "GetComponent", "FreeWriterMetadata", "StartSnapshotSet", "AddToSnapshotSet", "AddComponent", "PrepareForBackup",
        "GatherWriterStatus", "GetWriterStatusCount", "GetWriterStatus", "FreeWriterStatus", "DoSnapshotSet", "GetSnapshotProperties", "SaveAsXML",
    ];

    private static readonly string[] s_operations = ["GatherWriterMetadata", "PrepareForBackup", "GatherWriterStatus", "DoSnapshotSet"];

    public static IReadOnlyList<VssCase> All { get; } =
    [
        new("a-good", [], null),
        .. s_calls.Select(call => new VssCase("fail-" + call, [$"fail {call}|0|{Unexpected}"], $"{call}")),
        .. s_operations.Select(call => new VssCase("asyncfail-" + call, [$"asyncfail {call}|0|{Unexpected}"], $"{call}: an unexpected error in VSS; its event log entries say more ({Unexpected})")),
        .. s_operations.Select(call => new VssCase("hang-" + call, [$"hang {call}|0"], $"{call}: it did not end within {HangSeconds} s")),
        new("stubborn", ["stubborn DoSnapshotSet|0"], $"DoSnapshotSet: it did not end within {HangSeconds} s"),
        new("second-status", [$"fail GatherWriterStatus|2|{Unexpected}"], "GatherWriterStatus"),
        new("no-room", ["asyncfail DoSnapshotSet|0|0x8004231F"], "DoSnapshotSet: no room for the snapshot's storage area (0x8004231F)"),
        new("denied", ["fail CreateVssBackupComponents|0|0x80070005"], "access is denied: it takes an administrator or a backup operator"),
        new("writer-failed", ["status Registry Writer|0|9|0x800423F4"], "a writer failed: 'Registry Writer' failed at the freeze: it would fail again"),
        new("writer-retryable", ["status Registry Writer|0|8|0x800423F3"], "'Registry Writer' failed when the snapshot was prepared: it may succeed another time"),
        new("writer-elsewhere", ["status SqlServerWriter|0|9|0x800423F4"], null, "A VSS writer failed: 'SqlServerWriter' failed at the freeze"),
        new("writer-silent", ["silent Registry Writer"], null, "'Registry Writer' did not say how it took part"),
        new("complete-fails", [$"fail BackupComplete|0|{Unexpected}"], null),
        new("z-delete-fails", [$"fail DeleteSnapshots|0|{Unexpected}"], null),
        new("abort-fails", [$"fail AbortBackup|0|{Unexpected}", $"fail DoSnapshotSet|0|{Unexpected}"], "DoSnapshotSet"),
        new("killed-at-GatherWriterMetadata", ["hang GatherWriterMetadata|0"], "the VSS requester failed"),
        new("killed-at-AddToSnapshotSet", ["delay AddToSnapshotSet|0|3000"], "the VSS requester failed"),
        new("killed-at-PrepareForBackup", ["hang PrepareForBackup|0"], "the VSS requester failed"),
        new("killed-at-DoSnapshotSet", ["hang DoSnapshotSet|0"], "the VSS requester failed"),
        new("killed-at-SaveAsXML", ["delay GetSnapshotProperties|2|3000"], "VSS could not be asked about it"),
    ];

    /// <param name="told">What the session said of it.</param>
    /// <param name="log">The double's.</param>
    public void Prove(string told, IReadOnlyList<string> log)
    {
        string text = $"{Name}: {told}\n{string.Join('\n', log)}";
        string[] fields = told.Split('|');
        Assert.True(fields.Length == 6, text);
        Assert.True(fields[1] == (Says is null ? "True" : "False"), text);
        Assert.True(Says is null ? fields[2].Length == 0 : fields[2].Contains(Says, StringComparison.Ordinal), text);
        Assert.True(Warns.Length == 0 ? fields[3].Length == 0 : fields[3].Contains(Warns, StringComparison.Ordinal), text);
        Assert.True(fields[4] == "set False", text);
        // A set that was begun and whose end is not known has left its record, which the next case's run undoes.
        bool isUnknown = Name is "z-delete-fails" or "killed-at-AddToSnapshotSet" or "killed-at-PrepareForBackup" or "killed-at-DoSnapshotSet" or "killed-at-SaveAsXML";
        Assert.True(fields[5].Trim() == (isUnknown ? "orphans 1" : "orphans 0"), text);
        if (Name.StartsWith("killed", StringComparison.Ordinal))
            return;
        VssDouble.ProveClean(Name, log);
        // A failed StartSnapshotSet started nothing.
        bool hasStarted = log.Contains("AddToSnapshotSet");
        if (hasStarted)
            Assert.True(log.Contains("DeleteSnapshots 2 1") && (Says is null ? log.Contains("BackupComplete") : log.Contains("AbortBackup")), text);
        if (Name.StartsWith("hang", StringComparison.Ordinal))
            Assert.True(log.Contains("Cancel " + Name["hang-".Length..]), text);
        Assert.True(Name != "writer-retryable" || log.Count(line => line == "StartSnapshotSet") == 2, text);
    }
}
