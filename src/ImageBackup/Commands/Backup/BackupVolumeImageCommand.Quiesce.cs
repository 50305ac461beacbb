using System;
using System.Management.Automation;
using ImageBackup.Completion;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Events;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Commands;

/// <summary>How the volume is quiesced or frozen.</summary>
public sealed partial class BackupVolumeImageCommand
{
    /// <summary>The snapshot provider's name (Get-SnapshotProvider), or NONE for no snapshot; by default whichever can.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(SnapshotProviderChoiceCompleter))]
    [ValidateNotNullOrEmpty]
    public string? SnapshotProvider { get; set; }

    /// <summary>Room for what changes while a snapshot is there: percent of the volume, 1 to 100.</summary>
    [Parameter]
    [ValidateRange(1, 100)]
    public int? SnapshotCacheSize { get; set; }

    /// <summary>Where that room is: a physical volume (LVM), a drive letter (VSS).</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? SnapshotCacheLocation { get; set; }

    /// <summary>Between two attempts to quiesce a volume in use: 0 to 999 seconds, or with ms milliseconds.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? IdleWait { get; set; }

    /// <summary>How often to try again.</summary>
    [Parameter]
    [ValidateRange(0, 9999)]
    public int? IdleRetries { get; set; }

    /// <summary>A command line that is run before the snapshot; if it fails, no image is taken. Empty: none, whatever rules say.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? PreSnapshotCommand { get; set; }

    /// <summary>A command line that is run after the snapshot, also after one that failed; failing it warns. Empty: none.</summary>
    [Parameter]
    [AllowEmptyString]
    public string? PostSnapshotCommand { get; set; }

    /// <summary>A snapshot that was asked for and cannot be had is an error; without it the volume is taken by another type.</summary>
    [Parameter]
    public SwitchParameter NoFailover { get; set; }

    /// <summary>No application takes part in a VSS snapshot: the file system alone is flushed, and what programs have open is as after a crash.</summary>
    [Parameter]
    public SwitchParameter NoWriters { get; set; }

    partial void AddCommandOptions(ref ImageOptions options)
    {
        if (SnapshotProvider is { } provider)
        {
            if (!string.Equals(provider, SnapshotProviders.None, StringComparison.OrdinalIgnoreCase))
                _ = SnapshotProviders.Current.Get(provider);
            options = options with { SnapshotProvider = provider.ToUpperInvariant() };
        }
        if (IdleWait is { } wait)
            options = options.With("snapshotfsidlewait", wait);
        options = options with
        {
            SnapshotCacheSizePercent = SnapshotCacheSize,
            SnapshotCacheLocation = SnapshotCacheLocation,
            IdleRetries = IdleRetries,
            PreSnapshotCommand = PreSnapshotCommand,
            PostSnapshotCommand = PostSnapshotCommand,
        };
    }

    private QuiesceOptions QuiesceOptionsOf(VolumePlan plan)
    {
        QuiesceOptions options = QuiesceOptions.From(plan, MachineDefaults) with { NoFailover = NoFailover };
        return NoWriters ? options with { Snapshot = options.Snapshot with { IncludeWriters = [], ExcludeWriters = [SnapshotOptions.AllWriters] } } : options;
    }

    private BackupJob Job(Action<string> writeVerbose, Action<string> writeWarning) =>
        new(Opened, VolumeSystem.Current, SnapshotProviders.Current, EventLog.Current) { WriteVerbose = writeVerbose, WriteWarning = writeWarning, Traces = Connection.Traces };
}
