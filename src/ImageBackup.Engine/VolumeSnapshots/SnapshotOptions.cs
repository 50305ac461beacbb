using System;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>How a snapshot is taken. A provider passes over what does not concern it.</summary>
internal sealed record SnapshotOptions
{
    /// <summary>Room for the blocks that change meanwhile, in percent of the volume, 1 to 100.</summary>
    public int CacheSizePercent { get; init; } = 100;

    /// <summary>Where that room is taken: a physical volume (LVM), a drive letter (VSS). Null: the provider's choice.</summary>
    public string? CacheLocation { get; init; }

    /// <summary>The longest that any single step may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>VSS: how often a writer that failed retryably is tried again.</summary>
    public int WriterRetries { get; init; } = 3;

    /// <summary>VSS: only these writers (names or ids) take part; empty: all.</summary>
    public IReadOnlyList<string> IncludeWriters { get; init; } = [];

    /// <summary>VSS: these do not; *: none does.</summary>
    public IReadOnlyList<string> ExcludeWriters { get; init; } = [];

    /// <summary>VSS: the file system alone is flushed.</summary>
    public bool WithoutWriters => ExcludeWriters.Contains(AllWriters);

    /// <summary>Stands for the names of all writers.</summary>
    public const string AllWriters = "*";

    /// <summary>VSS: what the writers are told.</summary>
    public SnapshotBackupType BackupType { get; init; }

    /// <summary>What is said of every set that no writer took part in.</summary>
    public const string WithoutWritersWarning = "No application took part in the snapshot: its content is as after a crash.";

    /// <summary>COMMAND: the command line that freezes; it prints the frozen device's path on its last line.</summary>
    public string? CreateCommand { get; init; }

    /// <summary>COMMAND: the command line that removes it.</summary>
    public string? RemoveCommand { get; init; }
}
