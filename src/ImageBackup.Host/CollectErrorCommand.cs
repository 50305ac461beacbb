using System;
using System.Management.Automation;

namespace ImageBackup.Host;

/// <summary>
/// A stage between the user's pipeline and its display: passes everything on, and notes the errors on their way
/// (the exit code depends on them). Not visible to scripts.
/// </summary>
[Cmdlet("Collect", "Error")]
internal sealed class CollectErrorCommand : PSCmdlet
{
    [Parameter(ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Mandatory = true)]
    public Action<ErrorRecord>? OnError { get; set; }

    protected override void ProcessRecord()
    {
        if (InputObject is { BaseObject: ErrorRecord error } && ErrorStreamMark.IsOn(InputObject))
            OnError?.Invoke(error);
        WriteObject(InputObject);
    }
}
