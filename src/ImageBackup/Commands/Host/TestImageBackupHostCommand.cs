using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.MachineDefaults;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Says what this machine can do for a backup and what it cannot, each with a remedy.</summary>
[Cmdlet(VerbsDiagnostic.Test, "ImageBackupHost")]
[OutputType(typeof(HostCheck), typeof(bool))]
public sealed class TestImageBackupHostCommand : BackgroundCmdlet
{
    /// <summary>Only whether nothing failed: true or false.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <summary>Tells of killed runs among its checks.</summary>
    private protected override bool TellsOfPendingUndo => false;

    private protected override void Process()
    {
        IReadOnlyList<HostCheck> checks = RunInBackground("Looking at this machine",
            _ => new HostSurvey().Run(SnapshotDefaults.Load(PolicyPaths.Snapshots), Stop));
        if (!Quiet)
        {
            WriteObject(checks, enumerateCollection: true);
            return;
        }
        bool hasFailed = false;
        foreach (HostCheck check in checks)
        {
            hasFailed |= check.State == HostCheckState.Failed;
            if (check.State != HostCheckState.Passed)
                WriteVerbose($"{check} {check.Remedy}");
        }
        WriteObject(!hasFailed);
    }
}
