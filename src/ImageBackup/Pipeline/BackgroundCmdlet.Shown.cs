using System;
using System.Management.Automation;
using System.Management.Automation.Host;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Pipeline;

/// <summary>
/// What the cmdlets tell a person passes here: names and the words of others steer no terminal and begin no line. (Error records
/// pass through <see cref="ErrorRecords"/>.)
/// </summary>
public abstract partial class BackgroundCmdlet
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

    private protected new bool ShouldProcess(string target) => Ask(() => base.ShouldProcess(DisplayText.Line(target)), target);

    private protected new bool ShouldProcess(string target, string action) =>
        Ask(() => base.ShouldProcess(DisplayText.Line(target), DisplayText.Line(action)), $"{action}: {target}");

    private protected new bool ShouldContinue(string query, string caption) =>
        Ask(() => base.ShouldContinue(DisplayText.Lines(query), DisplayText.Line(caption)), query);

    /// <summary>If PowerShell is not interactive, the answer is an error that says how to give it.</summary>
    /// <exception cref="ImageBackupException">ConfirmationNeeded.</exception>
    private static bool Ask(Func<bool> question, string query)
    {
        try
        {
            return question();
        }
        catch (Exception failure) when (failure is PSInvalidOperationException or PSNotImplementedException or HostException)
        {
            throw new ImageBackupException(ErrorId.ConfirmationNeeded, $"PowerShell is not interactive, so the command cannot ask: {query}", null, failure);
        }
    }
}
