using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Retention;

namespace ImageBackup.Commands;

/// <summary>
/// Makes a management class, with TSM's defaults for values that are not named, or changes one: values that are not named stay
/// as it is, and $null takes a value out.
/// </summary>
[Cmdlet(VerbsCommon.Set, "ManagementClass", SupportsShouldProcess = true)]
[OutputType(typeof(ManagementClassInfo))]
public sealed class SetManagementClassCommand : PolicyEditCmdlet
{
    /// <summary>1 to 30 letters, digits and _ . - + &amp;; compared without case.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ManagementClassCompleter))]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>What the class is for.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Description { get; set; }

    /// <summary>Images kept while the volume exists, the active one counted: 1 to 9999 or NoLimit; 2 by default.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public RetentionLimit VersionsExist { get; set; }

    /// <summary>Images kept once the volume is gone: 0 to 9999 or NoLimit; 1 by default.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public RetentionLimit VersionsDeleted { get; set; }

    /// <summary>Days that an inactive image is kept: 0 to 9999 or NoLimit; 30 by default.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public RetentionLimit RetainExtra { get; set; }

    /// <summary>Days that the last image of a volume that is gone is kept: 0 to 9999 or NoLimit; 60 by default.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public RetentionLimit RetainOnly { get; set; }

    /// <summary>restic's keep-last: so many newest images are kept besides; 0 to 9999 or NoLimit.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public RetentionLimit? KeepLast { get; set; }

    /// <summary>restic's keep-daily: of so many days the newest image.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public RetentionLimit? KeepDaily { get; set; }

    /// <summary>restic's keep-weekly: of so many weeks the newest image.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public RetentionLimit? KeepWeekly { get; set; }

    /// <summary>restic's keep-monthly: of so many months the newest image.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public RetentionLimit? KeepMonthly { get; set; }

    /// <summary>restic's keep-yearly: of so many years the newest image.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public RetentionLimit? KeepYearly { get; set; }

    /// <summary>restic's keep-within: what is younger than the newest image by less than this, such as 1y6m14d12h; a number is days.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public string? KeepWithin { get; set; }

    /// <summary>restic's keep-tag: images with one of these tags; of tags joined by commas all are needed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [TextList]
    [AllowNull]
    [AllowEmptyCollection]
    public string[]? KeepTags { get; set; }

    /// <summary>Days between the images that Backup-VolumeImage takes when it is given no volume; 0 by default.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public int Frequency { get; set; }

    /// <summary>How hard to try for a quiet volume.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public SerializationMode? Serialization { get; set; }

    /// <summary>How often to try again.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public int? ChangingRetries { get; set; }

    /// <summary>Static, Dynamic or Snapshot.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public ImageType? ImageType { get; set; }

    /// <summary>Unused runs longer than this are left out: a number in KB, or with k, m or g; 0 stores everything.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? GapSize { get; set; }

    /// <summary>Bytes in a chunk, a power of two from 64 KiB to 4 MiB: 512k, 1m.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? ChunkSize { get; set; }

    /// <summary>How the images' data is compressed: Off, Fastest, Auto, Better or Max.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public ImageCompression? Compression { get; set; }

    /// <summary>What applications that take part in a volume snapshot (VSS) are told: Copy, which changes nothing for them, or Full.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public SnapshotBackupType? SnapshotBackupType { get; set; }

    /// <summary>What applies if no rule names a class; an object's IsDefault.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("IsDefault")]
    [SwitchText]
    public SwitchParameter Default { get; set; }

    /// <summary>Puts out the class as it is now.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Process() => Attempt(Name, () => SetClass(Name));

    private void SetClass(string name)
    {
        bool mustBeDefault = Default && !IsDefaultAlready(name);
        ManagementClassDocument? classes = EditClasses(
            document =>
            {
                ManagementClass? existing = document.Find(name);
                ManagementClass wanted = Wanted(existing ?? new ManagementClass { Name = name });
                // Get-ManagementClass gives the built-in class too: set as it is, it stays built in.
                if (existing is null && MyInvocation.ExpectingInput && IsBuiltIn(wanted))
                    return document;
                ManagementClassDocument edited = document.Set(wanted);
                return mustBeDefault ? edited.WithDefault(wanted.Name) : edited;
            },
            $"Set the management class {name}{(mustBeDefault ? " as the default" : "")}");
        if (classes?.Find(name) is not { } now || !PassThru)
            return;
        bool isDefault = ManagementClass.IsSameName(classes.DefaultClass ?? ManagementClass.DefaultName, name);
        string? path = Enforced ? null : FullPath(ClassPath) ?? PolicyPaths.Classes;
        WriteObject((now with { IsEnforced = Enforced }).ToInfo(isDefault, path, path ?? Connection.Location));
    }

    private static bool IsBuiltIn(ManagementClass wanted) =>
        ManagementClass.IsSameName(wanted.Name, ManagementClass.DefaultName) && wanted with { Name = ManagementClass.DefaultName, IsEnforced = false } == new ManagementClass { Name = ManagementClass.DefaultName };

    /// <summary>
    /// An object that says of itself that it is the default, and is: nothing is to be written. The default of the machine's file
    /// may be one of the repository's classes, and the other way round.
    /// </summary>
    private bool IsDefaultAlready(string name)
    {
        if (!MyInvocation.ExpectingInput)
            return false;
        if (Enforced)
            OpenRepository();
        ManagementClassDocument? kept = HasRepository ? LoadEnforced()?.Classes : null;
        return ManagementClass.IsSameName(new ManagementClassCatalog(LoadClasses(mustExist: false).Document, kept).Default.Name, name);
    }

    private ManagementClass Wanted(ManagementClass was)
    {
        RetentionValues retention = was.Retention;
        if (IsGiven(nameof(VersionsExist)))
            retention = retention with { VersionsExist = VersionsExist };
        if (IsGiven(nameof(VersionsDeleted)))
            retention = retention with { VersionsDeleted = VersionsDeleted };
        if (IsGiven(nameof(RetainExtra)))
            retention = retention with { RetainExtraDays = RetainExtra };
        if (IsGiven(nameof(RetainOnly)))
            retention = retention with { RetainOnlyDays = RetainOnly };
        retention = WithKeepRules(retention);
        return was with
        {
            Retention = retention,
            Description = IsGiven(nameof(Description)) ? NullIfEmpty(Description) : was.Description,
            FrequencyDays = IsGiven(nameof(Frequency)) ? Frequency : was.FrequencyDays,
            Serialization = IsGiven(nameof(Serialization)) ? Serialization : was.Serialization,
            ChangingRetries = IsGiven(nameof(ChangingRetries)) ? ChangingRetries : was.ChangingRetries,
            ImageType = IsGiven(nameof(ImageType)) ? ImageType : was.ImageType,
            Compression = IsGiven(nameof(Compression)) ? Compression : was.Compression,
            SnapshotBackupType = IsGiven(nameof(SnapshotBackupType)) ? SnapshotBackupType : was.SnapshotBackupType,
            ChunkSize = !IsGiven(nameof(ChunkSize)) ? was.ChunkSize : NullIfEmpty(ChunkSize) is { } size ? Engine.Policy.Options.ChunkSize.Parse(size) : null,
            GapSize = !IsGiven(nameof(GapSize)) ? was.GapSize : NullIfEmpty(GapSize) is { } gap ? GapSizeText.Parse(gap) : null,
        };
    }

    private RetentionValues WithKeepRules(RetentionValues was)
    {
        if (NullIfEmpty(KeepWithin) is { } text && !KeepPeriod.TryParse(text, out _))
            throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{text}' is not a length of time: give a number of days, or text such as 1y6m14d12h.", nameof(KeepWithin));
        return was with
        {
            KeepLast = IsGiven(nameof(KeepLast)) ? Used(KeepLast) : was.KeepLast,
            KeepDaily = IsGiven(nameof(KeepDaily)) ? Used(KeepDaily) : was.KeepDaily,
            KeepWeekly = IsGiven(nameof(KeepWeekly)) ? Used(KeepWeekly) : was.KeepWeekly,
            KeepMonthly = IsGiven(nameof(KeepMonthly)) ? Used(KeepMonthly) : was.KeepMonthly,
            KeepYearly = IsGiven(nameof(KeepYearly)) ? Used(KeepYearly) : was.KeepYearly,
            KeepWithin = !IsGiven(nameof(KeepWithin)) ? was.KeepWithin
                : KeepPeriod.TryParse(KeepWithin, out KeepPeriod within) && within != default ? within.ToString() : null,
            KeepTags = IsGiven(nameof(KeepTags)) ? KeepTags ?? [] : was.KeepTags,
        };
    }

    /// <summary>0 is restic's word for a rule that is not used.</summary>
    private static RetentionLimit? Used(RetentionLimit? limit) => limit?.Value == 0 ? null : limit;

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
