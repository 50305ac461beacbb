using System;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Commands;

/// <summary>
/// Sets the machine's defaults for snapshots and quiet volumes, which apply if neither command line, rule, class nor
/// client-wide statement says anything. Values that are not named stay as they are; $null removes a value.
/// </summary>
[Cmdlet(VerbsCommon.Set, "SnapshotProvider", SupportsShouldProcess = true)]
[OutputType(typeof(SnapshotProviderInfo))]
public sealed partial class SetSnapshotProviderCommand : SnapshotDefaultsCmdlet
{
    /// <summary>The provider to take, or NONE for no snapshots; $null: whichever can.</summary>
    [Parameter(Position = 0)]
    [ArgumentCompleter(typeof(SnapshotProviderChoiceCompleter))]
    [AllowNull]
    [AllowEmptyString]
    public string? Name { get; set; }

    /// <summary>Room for what changes while a snapshot is there: percent of the volume, 1 to 100.</summary>
    [Parameter]
    [Alias("CacheSizePercent")]
    public int? CacheSize { get; set; }

    /// <summary>Where that room is: a physical volume (LVM), a drive letter (VSS).</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    public string? CacheLocation { get; set; }

    /// <summary>Between two attempts to quiesce a volume in use: 0 to 999 seconds, or with ms milliseconds.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    public string? IdleWait { get; set; }

    /// <summary>How often to try again.</summary>
    [Parameter]
    public int? IdleRetries { get; set; }

    /// <summary>The longest that a step of taking a snapshot may take, in seconds.</summary>
    [Parameter]
    public int? SnapshotTimeoutSeconds { get; set; }

    /// <summary>The longest that a command before or after the snapshot may take, in seconds.</summary>
    [Parameter]
    public int? CommandTimeoutSeconds { get; set; }

    /// <summary>VSS: how often a writer that failed is tried again.</summary>
    [Parameter]
    public int? WriterRetries { get; set; }

    /// <summary>VSS: only these writers take part.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyCollection]
    public string[]? IncludeWriter { get; set; }

    /// <summary>VSS: these writers do not take part.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyCollection]
    public string[]? ExcludeWriter { get; set; }

    /// <summary>The COMMAND provider's first command line: it freezes, and prints the frozen device's path on its last line.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    public string? CreateCommand { get; set; }

    /// <summary>Its second one, which removes what the first one made.</summary>
    [Parameter]
    [AllowNull]
    [AllowEmptyString]
    public string? RemoveCommand { get; set; }

    /// <summary>
    /// An object of Get-SnapshotProvider, also out of CSV, JSON or CLIXML: what it says is set if it differs from what applies
    /// now, so that the built-in values stay built in. Parameters of the command line override the object.
    /// </summary>
    [Parameter(ValueFromPipeline = true)]
    [ValidateNotNull]
    public PSObject? InputObject { get; set; }

    /// <summary>Puts out the providers as they are now.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Process()
    {
        if (IsGiven(nameof(Name)) && Text(Name) is { } name && !string.Equals(name, SnapshotProviders.None, StringComparison.OrdinalIgnoreCase))
            _ = SnapshotProviders.Current.Get(name);
        string path = FilePath;
        // Checked before it is asked for: -WhatIf tells of a bad value too.
        _ = Changed(SnapshotDefaults.Load(path)).Checked();
        if (!ShouldProcess(path, "Set the machine's snapshot defaults"))
            return;
        SnapshotDefaults defaults = SnapshotDefaults.Edit(path, Changed);
        SetUpWindows(defaults);
        if (PassThru)
            WriteObject(RunInBackground("Looking at snapshot providers", _ => new SnapshotProviderList(SnapshotProviders.Current).List(defaults)), enumerateCollection: true);
    }

    private SnapshotDefaults Changed(SnapshotDefaults now) => Named(InputObject is null ? now : SnapshotDefaultsObject.Over(InputObject, now));

    private SnapshotDefaults Named(SnapshotDefaults now) => now with
    {
        Provider = IsGiven(nameof(Name)) ? Text(Name)?.ToUpperInvariant() : now.Provider,
        CacheSizePercent = IsGiven(nameof(CacheSize)) ? CacheSize : now.CacheSizePercent,
        CacheLocation = IsGiven(nameof(CacheLocation)) ? Text(CacheLocation) : now.CacheLocation,
        IdleWait = IsGiven(nameof(IdleWait)) ? Wait(Text(IdleWait)) : now.IdleWait,
        IdleRetries = IsGiven(nameof(IdleRetries)) ? IdleRetries : now.IdleRetries,
        SnapshotTimeout = IsGiven(nameof(SnapshotTimeoutSeconds)) ? Seconds(SnapshotTimeoutSeconds) : now.SnapshotTimeout,
        CommandTimeout = IsGiven(nameof(CommandTimeoutSeconds)) ? Seconds(CommandTimeoutSeconds) : now.CommandTimeout,
        WriterRetries = IsGiven(nameof(WriterRetries)) ? WriterRetries : now.WriterRetries,
        IncludeWriters = IsGiven(nameof(IncludeWriter)) ? IncludeWriter ?? [] : now.IncludeWriters,
        ExcludeWriters = IsGiven(nameof(ExcludeWriter)) ? ExcludeWriter ?? [] : now.ExcludeWriters,
        CreateCommand = IsGiven(nameof(CreateCommand)) ? Text(CreateCommand) : now.CreateCommand,
        RemoveCommand = IsGiven(nameof(RemoveCommand)) ? Text(RemoveCommand) : now.RemoveCommand,
    };

    // PowerShell hands $null to a text parameter as an empty text.
    private static string? Text(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;

    private static TimeSpan? Seconds(int? seconds) => seconds is { } count ? TimeSpan.FromSeconds(count) : null;

    private static TimeSpan? Wait(string? text) => text is null ? null : ImageOptions.Empty.With("snapshotfsidlewait", text).IdleWait;
}
