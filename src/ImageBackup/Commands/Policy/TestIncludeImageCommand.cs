using System;
using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Commands;

/// <summary>Tells which rule a volume hits, where it stands, and what follows: excluded, or the class, image type and options.</summary>
[Cmdlet(VerbsDiagnostic.Test, "IncludeImage")]
[OutputType(typeof(RuleTest))]
public sealed class TestIncludeImageCommand : PolicyCmdlet
{
    private ImagePolicy? _policy;

    /// <summary>The volumes, as Backup-VolumeImage takes them; a name that this machine lacks is compared as it is.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "Name")]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [ValidateNotNull]
    public VolumeArgument[] Volume { get; set; } = [];

    private protected override bool NeedsRepository => false;

    private protected override void Process()
    {
        ImagePolicy policy = _policy ??= LoadPolicy();
        foreach (VolumeArgument volume in Volume)
            Attempt(volume.Input, () => WriteObject(Test(policy, volume)));
    }

    private RuleTest Test(ImagePolicy policy, VolumeArgument argument)
    {
        if (argument.Name is not { } given)
            throw new ImageBackupException(ErrorId.ParameterInvalid, argument.Problem ?? "The argument names no volume.");
        bool isWindows = policy.Machine.ParseOptions.IsWindows;
        try
        {
            string full = ImageBackup.Binding.VolumeNames.FullSource(argument, ResolvePath);
            ImageVolume volume = RunInBackground("Looking at volumes", _ => ImageBackup.Binding.VolumeNames.Find(full, Stop));
            return PlanOf(policy, volume, null, null).ToRuleTest(volume.Name, true, VolumePlan.NamesOf(volume, isWindows));
        }
        catch (ImageBackupException absent) when (absent.Id is ErrorId.VolumeNotFound)
        {
            WriteWarning($"This machine has no volume '{given}': rules are compared with this name alone.");
            var names = new Engine.Policy.Rules.VolumeNames([given], isWindows);
            VolumePlan plan = VolumePlan.Make(policy, names, null, null, _ => "the volume is not there");
            return plan.ToRuleTest(given, false, names);
        }
    }
}
