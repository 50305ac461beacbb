using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.VolumeSnapshots;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>
/// The base of cmdlets that ask the rules and classes: the machine's files, or those named, behind what the repository
/// keeps, if one is named or connected.
/// </summary>
public abstract class PolicyCmdlet : RepositoryCmdlet
{
    /// <summary>The rule list, or an options file of TSM (dsm.opt, dsm.sys); by default the machine's list.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public virtual string? RulePath { get; set; }

    /// <summary>The file of management classes; by default the machine's.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    public virtual string? ClassPath { get; set; }

    /// <summary>The command needs the repository itself. Others use the one that is named or connected, for its rules.</summary>
    private protected abstract bool NeedsRepository { get; }

    /// <summary>A repository is open.</summary>
    private protected bool HasRepository { get; private set; }

    private protected override void Begin()
    {
        // An object of the pipeline may have none (a built-in class); a command line that names nothing is a mistake.
        if (IsGiven(nameof(ClassPath)) && string.IsNullOrEmpty(ClassPath))
            throw new ImageBackupException(ErrorId.ParameterInvalid, "-ClassPath names no file.", nameof(ClassPath));
        // RESTIC_REPOSITORY alone is not opened for its rules: who only looks at volumes need not have its password.
        if (!NeedsRepository && Repository is null && SessionConnection.Current is null)
            return;
        OpenRepository();
    }

    /// <summary>Opens the repository if it is not open: that it is needed may come down the pipeline.</summary>
    private protected void OpenRepository()
    {
        if (HasRepository)
            return;
        base.Begin();
        HasRepository = true;
    }

    /// <summary>What the machine's rules and classes and the repository's say together, whole or not at all.</summary>
    /// <exception cref="Engine.Errors.ImageBackupException">RuleInvalid, ManagementClassInvalid, ManagementClassNotFound, PolicyReadFailed, a repository's failure.</exception>
    private protected ImagePolicy LoadPolicy()
    {
        EnforcedPolicy? enforced = LoadEnforced();
        ImagePolicy policy = ImagePolicy.Load(FullPath(RulePath), FullPath(ClassPath), enforced?.Rules, enforced?.Classes);
        TellRemarks(policy.Machine);
        return policy;
    }

    /// <summary>The policy in the repository's keeping; null if no repository is open.</summary>
    private protected EnforcedPolicy? LoadEnforced()
    {
        if (!HasRepository)
            return null;
        EnforcedPolicy policy = RunInBackground("Reading the repository's rules", channel => Connection.Policy.Load(
            failure => channel.WriteWarning($"{failure.Message} It cannot be told whether it held the repository's rules."), Stop));
        if (policy.Rollback is { } rollback)
            WriteWarning(rollback);
        return policy;
    }

    /// <summary>What was passed over in a list.</summary>
    private protected void TellRemarks(RuleDocument document)
    {
        foreach (RuleRemark remark in document.Remarks)
            WriteVerbose(remark.ToString());
    }

    /// <summary>
    /// The pattern of an argument: a volume that came as an object is named so that the rule still means it when devices are numbered
    /// anew.
    /// </summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: it names none.</exception>
    private protected string PatternOf(RulePatternArgument argument)
    {
        string pattern = argument.Pattern ?? throw new ImageBackupException(ErrorId.ParameterInvalid, argument.Problem ?? "The argument names no pattern.");
        if (argument.VolumeName is not { } name)
            return pattern;
        try
        {
            return RunInBackground("Looking at volumes", _ =>
            {
                _stableNames ??= new StableNames(new VolumeInventory(VolumeSystem.Current));
                return VolumePattern.Escape(_stableNames.Of(ImageBackup.Binding.VolumeNames.Find(name, Stop), Stop), RuleParseOptions.Default.IsWindows);
            });
        }
        catch (ImageBackupException absent) when (absent.Id is not ErrorId.Cancelled)
        {
            // A volume of another machine, or one that is not attached now: the name is all there is.
            return pattern;
        }
    }

    private StableNames? _stableNames;

    private protected string? FullPath(string? path) => path is null ? null : ResolvePath(path);

    /// <summary>What the rules say of a volume of this machine.</summary>
    private protected VolumePlan PlanOf(ImagePolicy policy, ImageVolume volume, ImageOptions? command, string? commandClass) =>
        VolumePlan.Make(policy, volume, command, commandClass, options => WhyNoSnapshot(volume, options));

    /// <summary>Why no provider can take a snapshot of the volume with these options; null: one can.</summary>
    private protected virtual string? WhyNoSnapshot(ImageVolume volume, ResolvedOptions options)
    {
        SnapshotDefaults defaults = MachineDefaults;
        return SnapshotProviders.Current.Choose(volume.Description, QuiesceOptions.ProviderOf(options, defaults), QuiesceOptions.SnapshotOf(options, defaults)).WhyNot;
    }

    /// <summary>What Set-SnapshotProvider set; read once.</summary>
    private protected SnapshotDefaults MachineDefaults => _defaults ??= SnapshotDefaults.Load(PolicyPaths.Snapshots);

    private SnapshotDefaults? _defaults;
}
