using System.Management.Automation;
using ImageBackup.Engine.Compat;

namespace ImageBackup.Pipeline;

/// <summary>
/// What the cmdlets tell a person passes here: names and the words of others steer no terminal and begin no line. (Error records
/// pass through <see cref="ErrorRecords"/>.)
/// </summary>
public abstract partial class PumpedCmdlet
{
    private protected new void WriteWarning(string text) => base.WriteWarning(DisplayText.Lines(text));

    private protected new void WriteVerbose(string text) => base.WriteVerbose(DisplayText.Lines(text));

    private protected new void WriteDebug(string text) => base.WriteDebug(DisplayText.Lines(text));

    private protected new void WriteProgress(ProgressRecord record)
    {
        record.Activity = DisplayText.Line(record.Activity);
        record.StatusDescription = DisplayText.Line(record.StatusDescription);
        if (record.CurrentOperation is { Length: > 0 } operation)
            record.CurrentOperation = DisplayText.Line(operation);
        base.WriteProgress(record);
    }

    private protected new bool ShouldProcess(string target) => base.ShouldProcess(DisplayText.Line(target));

    private protected new bool ShouldProcess(string target, string action) => base.ShouldProcess(DisplayText.Line(target), DisplayText.Line(action));

    private protected new bool ShouldContinue(string query, string caption) => base.ShouldContinue(DisplayText.Lines(query), DisplayText.Line(caption));
}
