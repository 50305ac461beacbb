using System.Management.Automation;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Gives the exit code that errors mean, as the Host ends with it: for 'exit' at the end of a script that nobody attends.</summary>
[Cmdlet(VerbsCommon.Get, "ImageBackupExitCode")]
[OutputType(typeof(int))]
public sealed class GetImageBackupExitCodeCommand : PSCmdlet
{
    private int _code = ExitCode.Success;

    /// <summary>Error records or exceptions: a variable of -ErrorVariable, $Error, $_ in a catch block. None mean success.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyCollection]
    public object?[]? ErrorRecord { get; set; }

    protected override void ProcessRecord()
    {
        foreach (object? each in ErrorRecord ?? [])
        {
            object? item = each is PSObject wrapped ? wrapped.BaseObject : each;
            _code = ExitCode.Graver(_code, item switch
            {
                null => ExitCode.Success,
                ErrorRecord error => ExitCode.Of(error),
                // What -ErrorVariable and $Error hold of an error that ended a command.
                IContainsErrorRecord { ErrorRecord: { } error } => ExitCode.Of(error),
                _ => ExitCode.Failure,
            });
        }
    }

    protected override void EndProcessing() => WriteObject(_code);
}
