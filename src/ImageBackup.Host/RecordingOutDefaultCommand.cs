using System.Management.Automation;
using Microsoft.PowerShell.Commands;

namespace ImageBackup.Host;

/// <summary>PowerShell's Out-Default, which also notes the errors that it shows and how its pipeline ended.</summary>
[Cmdlet("Out", "Default")]
internal sealed class RecordingOutDefaultCommand : OutDefaultCommand
{
    protected override void BeginProcessing()
    {
        RunRecord.Begin(this);
        base.BeginProcessing();
    }

    protected override void ProcessRecord()
    {
        if (InputObject is { BaseObject: ErrorRecord error } && ErrorStreamMark.IsOn(InputObject))
            RunRecord.Error(error);
        base.ProcessRecord();
    }

    protected override void EndProcessing()
    {
        base.EndProcessing();
        RunRecord.End(this);
    }

    protected override void StopProcessing()
    {
        RunRecord.Stop(this);
        base.StopProcessing();
    }

    protected override void InternalDispose()
    {
        base.InternalDispose();
        RunRecord.Dispose(this);
    }
}
