using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Planning;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Backups in the background.</summary>
[OutputType(typeof(ImageBackupJob))]
public sealed partial class BackupVolumeImageCommand
{
    private readonly List<object> _forJob = [];

    /// <summary>Back up in a job: its object is given at once, the images by Receive-Job.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    /// <summary>With -WhatIf no job is started, so the volumes get the checks that a backup in this session makes.</summary>
    private bool StartsJob => AsJob && !IsWhatIf;

    private protected override void End()
    {
        base.End();
        Attempt(null, EndVolumes);
        ThrowIfSomeFailed();
    }

    private void EndVolumes()
    {
        if (!StartsJob)
        {
            BackupCollected();
            ThrowIfNothing();
            return;
        }
        ThrowIfNothing();
        bool isUnnamed = Volume is null && !IsGiven(nameof(Volume)) && !MyInvocation.ExpectingInput;
        if (_forJob.Count == 0 && !(isUnnamed && ShouldProcess(Connection.Location, "Back up volumes in a job")))
            return;
        Dictionary<string, object?> parameters = ParametersForJob(Opened, nameof(Volume));
        foreach ((string name, _) in ValuesOfVolume())
        {
            if (!IsOnCommandLine(name))
                parameters.Remove(name);
        }
        // The job has a location of its own.
        if (RulePath is not null)
            parameters[nameof(RulePath)] = FullPath(RulePath);
        if (ClassPath is not null)
            parameters[nameof(ClassPath)] = FullPath(ClassPath);
        if (!MyInvocation.ExpectingInput && !isUnnamed)
            parameters.Add(nameof(Volume), _forJob.ToArray());
        PSDataCollection<object>? input = null;
        if (MyInvocation.ExpectingInput)
        {
            input = new PSDataCollection<object>(_forJob);
            input.Complete();
        }
        StartJob([new JobStep("Backup-VolumeImage", parameters, input)]);
    }

    /// <summary>A volume for the job: named so that it does not depend on this session's location and drives.</summary>
    private void AddToJob(VolumeArgument argument)
    {
        ThrowIfUnusable();
        string full = VolumeNames.FullSource(argument, ResolvePath);
        if (ShouldProcess(full, $"Back up to {Connection.Location} in a job{EffectOf(argument)}{PaceText}"))
            _forJob.Add(WithOwnValues(full) ?? (argument.IsFullPath ? argument.Input : full));
    }

    /// <summary>The volume with the values that came down the pipeline with it, or that a script block made of it; null: none did.</summary>
    private PSObject? WithOwnValues(string fullName)
    {
        var row = new PSObject();
        foreach ((string name, object? value) in ValuesOfVolume())
        {
            if (value is not null && !IsOnCommandLine(name))
                row.Properties.Add(new PSNoteProperty(name, value));
        }
        if (!row.Properties.Any())
            return null;
        row.Properties.Add(new PSNoteProperty(nameof(Volume), fullName));
        return row;
    }

    /// <summary>The volume is looked at only if somebody reads the text: the job looks at it again.</summary>
    private string EffectOf(VolumeArgument argument)
    {
        if (!Asks(ConfirmImpact.Medium))
            return "";
        ImageVolume volume = Find(argument);
        VolumePlan plan = PlanOf(Policy, volume, _command, ManagementClass);
        return plan.IsIncluded
            ? $" as {plan.Type.Type} image; {BackupEffect.Describe(volume.Description, plan.Type.Type, QuiesceOptionsOf(plan))}"
            : $": it is excluded by the rule {plan.Rule}";
    }
}
