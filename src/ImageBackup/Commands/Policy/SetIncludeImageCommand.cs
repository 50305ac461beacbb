using System;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Commands;

/// <summary>
/// Sets a rule that includes volumes, with the class and options of their images. A rule that has the pattern is changed:
/// options that are not named stay as they are, and $null removes an option. An object that is a whole rule (Get-IncludeImage) is set
/// as it is, an excluding one too; parameters of the command line override the object.
/// </summary>
[Cmdlet(VerbsCommon.Set, "IncludeImage", SupportsShouldProcess = true, DefaultParameterSetName = "Set")]
[OutputType(typeof(RuleInfo))]
public sealed class SetIncludeImageCommand : RuleCmdlet
{
    private static readonly List<(string Parameter, string Keyword, Func<ImageOptions, ImageOptions> Clear)> s_options =
    [
        (nameof(ImageType), "imagetype", o => o with { ImageType = null }),
        (nameof(GapSize), "imagegapsize", o => o with { GapSize = null }),
        (nameof(ChunkSize), "chunksize", o => o with { ChunkSize = null }),
        (nameof(Compression), "compression", o => o with { Compression = null }),
        (nameof(SnapshotBackupType), "snapshotbackuptype", o => o with { SnapshotBackupType = null }),
        (nameof(SnapshotProvider), "snapshotproviderimage", o => o with { SnapshotProvider = null }),
        (nameof(SnapshotCacheSize), "snapshotcachesize", o => o with { SnapshotCacheSizePercent = null }),
        (nameof(SnapshotCacheLocation), "snapshotcachelocation", o => o with { SnapshotCacheLocation = null }),
        (nameof(IdleWait), "snapshotfsidlewait", o => o with { IdleWait = null }),
        (nameof(IdleRetries), "snapshotfsidleretries", o => o with { IdleRetries = null }),
        (nameof(PreSnapshotCommand), "presnapshotcmd", o => o with { PreSnapshotCommand = null }),
        (nameof(PostSnapshotCommand), "postsnapshotcmd", o => o with { PostSnapshotCommand = null }),
        (nameof(Serialization), "serialization", o => o with { Serialization = null }),
        (nameof(ChangingRetries), "changingretries", o => o with { ChangingRetries = null }),
    ];

    /// <summary>The management class; it must exist.</summary>
    [Parameter]
    [Alias("Class")]
    [ArgumentCompleter(typeof(ManagementClassCompleter))]
    public string? ManagementClass { get; set; }

    /// <summary>Static, Dynamic or Snapshot.</summary>
    [Parameter]
    [Alias("Type")]
    [BlankIsNull]
    public ImageType? ImageType { get; set; }

    /// <summary>Unused runs longer than this are left out: a number in KB, or with k, m or g; 0 stores everything.</summary>
    [Parameter]
    public string? GapSize { get; set; }

    /// <summary>Bytes in a chunk, a power of two from 64 KiB to 4 MiB: 512k, 1m.</summary>
    [Parameter]
    public string? ChunkSize { get; set; }

    /// <summary>How the images' data is compressed: Off, Fastest, Auto, Better or Max.</summary>
    [Parameter]
    [BlankIsNull]
    public ImageCompression? Compression { get; set; }

    /// <summary>What applications that take part in a volume snapshot (VSS) are told: Copy, which changes nothing for them, or Full.</summary>
    [Parameter]
    [BlankIsNull]
    public SnapshotBackupType? SnapshotBackupType { get; set; }

    /// <summary>The snapshot provider's name, or NONE for no snapshot.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(SnapshotProviderChoiceCompleter))]
    public string? SnapshotProvider { get; set; }

    /// <summary>Room for what changes while a snapshot is there: percent of the volume, 1 to 100.</summary>
    [Parameter]
    [BlankIsNull]
    public int? SnapshotCacheSize { get; set; }

    /// <summary>Where that room is.</summary>
    [Parameter]
    public string? SnapshotCacheLocation { get; set; }

    /// <summary>How long the volume must be idle: 0 to 999 seconds, or with ms milliseconds.</summary>
    [Parameter]
    public string? IdleWait { get; set; }

    /// <summary>How often to wait again.</summary>
    [Parameter]
    [BlankIsNull]
    public int? IdleRetries { get; set; }

    /// <summary>Run before the snapshot; an empty text runs none, whatever others say. Not in the repository's list.</summary>
    [Parameter]
    public string? PreSnapshotCommand { get; set; }

    /// <summary>Run after the snapshot; an empty text runs none, whatever others say. Not in the repository's list.</summary>
    [Parameter]
    public string? PostSnapshotCommand { get; set; }

    /// <summary>How hard to try for a quiet volume.</summary>
    [Parameter]
    [BlankIsNull]
    public SerializationMode? Serialization { get; set; }

    /// <summary>How often to try again.</summary>
    [Parameter]
    [BlankIsNull]
    public int? ChangingRetries { get; set; }

    private protected override string? ClassAsked(RulePatternArgument volume) =>
        IsGiven(nameof(ManagementClass)) ? NullIfEmpty(ManagementClass)
        : volume is { Rule: { } rule, Pattern: { } pattern } ? RuleObject.Read(rule, pattern, RuleKind.Include).ManagementClass
        : null;

    private protected override RuleSpecification Wanted(string pattern, ImageRule? existing, PSObject? given)
    {
        ImageRule? included = existing?.Kind == RuleKind.Include ? existing : null;
        RuleSpecification wanted = given is not null
            ? RuleObject.Read(given, pattern, RuleKind.Include)
            : new RuleSpecification { Kind = RuleKind.Include, Pattern = pattern, ManagementClass = included?.ManagementClass, Options = included?.Options ?? ImageOptions.Empty };
        ImageOptions options = wanted.Options;
        foreach ((string parameter, string keyword, Func<ImageOptions, ImageOptions> clear) in s_options)
        {
            if (MyInvocation.BoundParameters.TryGetValue(parameter, out object? value))
                options = Changed(options, keyword, clear, value);
        }
        return wanted with
        {
            // A rule keeps the pattern as its author wrote it.
            Pattern = existing?.Pattern.Text ?? pattern,
            ManagementClass = IsGiven(nameof(ManagementClass)) ? NullIfEmpty(ManagementClass) : wanted.ManagementClass,
            Options = options,
        };
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    // $null becomes an empty text if the parameter is one; only a command has a use for that.
    private static ImageOptions Changed(ImageOptions options, string keyword, Func<ImageOptions, ImageOptions> clear, object? value) => value switch
    {
        null => clear(options),
        string { Length: 0 } when keyword is not ("presnapshotcmd" or "postsnapshotcmd") => clear(options),
        string wait when keyword == "snapshotfsidlewait" => options.With(keyword, RuleObject.WaitText(wait)),
        string gap when keyword == "imagegapsize" => options with { GapSize = GapSizeText.Parse(gap) },
        _ => options.With(keyword, Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""),
    };
}
