using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Platform.Processes;
using ImageBackup.Engine.Volumes.Linux.Native;
using ImageBackup.Engine.Volumes.Undo;

namespace ImageBackup.Engine.VolumeSnapshots.Commands;

/// <summary>A command that must run after a snapshot, with what it finds in its environment.</summary>
internal sealed record PostCommand
{
    public required string CommandLine { get; init; }
    public required string VolumeName { get; init; }
    public required TimeSpan Timeout { get; init; }
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>What the commands before and after find as IMAGEBACKUP_ID.</summary>
    public required string Id { get; init; }
}

/// <summary>
/// Records of commands that must run after a snapshot. One is there before the command before the snapshot is started: what
/// that one stops must be started again, even if this process is killed.
/// </summary>
/// <param name="begin">Writes a record.</param>
/// <param name="find">The orphans of killed runs.</param>
/// <param name="remove">Undoes one of them.</param>
internal sealed class PostCommandRecords(
    Func<IReadOnlyDictionary<string, string>, Func<string, Exception, ImageBackupException>, IUndoRecord> begin,
    Func<IReadOnlyList<OrphanSnapshot>> find,
    Action<OrphanSnapshot, Action<IReadOnlyDictionary<string, string>>> remove)
{
    /// <summary>The provider's name of an orphaned command.</summary>
    public const string Name = "POSTCOMMAND";
    internal const string RecordKind = "postcommand";
    private const string VolumeKey = "volume", IdKey = "id", CommandKey = "command", TimeoutKey = "timeoutSeconds", VariablePrefix = "env.";

    /// <summary>This machine's, or this user's if the user may not write the machine's.</summary>
    public static PostCommandRecords Current => In(RuntimeInformation.IsOSPlatform(OSPlatform.Windows) ? WindowsUndoRecord.LastingDirectory
        : LinuxFailure.IsRoot ? LinuxUndoRecord.LastingDirectory : UserDirectory);

    public static PostCommandRecords In(string directory) => RuntimeInformation.IsOSPlatform(OSPlatform.Windows)
        ? Over(SnapshotUndoRecords.Windows(directory, RecordKind, NameOf, VolumeOf))
        : Over(SnapshotUndoRecords.Linux(directory, RecordKind, NameOf, VolumeOf));

    private static string UserDirectory => Path.Combine(MachineFolders.UserState ?? MachineFolders.LastingState, UndoRecordFiles.DirectoryName);

    /// <summary>To be called before the command before the snapshot is started.</summary>
    /// <exception cref="ImageBackupException">SnapshotCommandFailed: it could not be written, so nothing must be started.</exception>
    public IUndoRecord Begin(PostCommand command)
    {
        var values = new Dictionary<string, string>
        {
            [VolumeKey] = command.VolumeName,
            [IdKey] = command.Id,
            [CommandKey] = command.CommandLine,
            [TimeoutKey] = command.Timeout.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            [OrphanedCommand.SessionKey] = (RuntimeInformation.IsOSPlatform(OSPlatform.Linux) ? OrphanedCommand.Session : null) ?? "",
            [OrphanedCommand.LimitKey] = command.Timeout.TotalSeconds.ToString(CultureInfo.InvariantCulture),
        };
        // A value may have line breaks (several volumes' names), and a record's may not, on every system.
        foreach (KeyValuePair<string, string> variable in command.Variables)
            values[VariablePrefix + variable.Key] = Uri.EscapeDataString(variable.Value);
        return begin(values, (why, e) => new ImageBackupException(ErrorId.SnapshotCommandFailed,
            $"The command before the snapshot of '{command.VolumeName}' is not run, because {why}", command.VolumeName, e));
    }

    /// <summary>The commands that killed runs did not reach. Never throws.</summary>
    public IReadOnlyList<OrphanSnapshot> FindOrphans() => find();

    /// <summary>Runs one of <see cref="FindOrphans"/>' and removes its record.</summary>
    /// <exception cref="ImageBackupException">SnapshotCommandFailed: it failed, or the killed run's other command still runs; the record stays.</exception>
    public void Run(OrphanSnapshot leftover, Action<string> log) => remove(leftover, values =>
    {
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Linux) && OrphanedCommand.Of(values, values.Find(IdKey) ?? "") is { } process)
            throw Failed(leftover, $"a command of the run that was killed goes on without it (process {process.ToString(CultureInfo.InvariantCulture)}); a later run tries again");
        string command = values.Find(CommandKey) ?? "";
        log($"'{command}' for {leftover.VolumeName}");
        var variables = new Dictionary<string, string>();
        foreach (KeyValuePair<string, string> value in values)
        {
            if (value.Key.StartsWith(VariablePrefix, StringComparison.Ordinal))
                variables[value.Key.Substring(VariablePrefix.Length)] = Uri.UnescapeDataString(value.Value);
        }
        TimeSpan timeout = double.TryParse(values.Find(TimeoutKey), NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and < int.MaxValue
            ? TimeSpan.FromSeconds(seconds)
            : new SnapshotOptions().Timeout;
        ProgramResult result = ProcessRunner.Shell(command, timeout, CancellationToken.None, variables);
        if (!result.IsGood)
            throw Failed(leftover, result.Fault);
    });

    private static PostCommandRecords Over<T>(SnapshotUndoRecords<T> records)
        where T : class, IUndoRecord =>
        new(records.Begin, () => records.FindOrphans(Name), records.Remove);

    private static string? NameOf(IReadOnlyDictionary<string, string> values) =>
        values.Find(CommandKey) is { } command ? $"{command} ({values.Find(IdKey)})" : null;

    private static string? VolumeOf(IReadOnlyDictionary<string, string> values) => values.Find(VolumeKey);

    private static ImageBackupException Failed(OrphanSnapshot leftover, string why) => new(ErrorId.SnapshotCommandFailed,
        $"The command after the snapshot of '{leftover.VolumeName}', which a killed run did not reach, failed: {why}: {leftover.Name}", leftover.VolumeName ?? "");
}
