using System;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Reflection;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Pipeline;

/// <summary>
/// What the cmdlets tell a person passes here: names and the words of others steer no terminal and begin no line. (Error records
/// pass through <see cref="ErrorRecords"/>.) A host that cannot ask, or whose output takes nothing, is told apart from a defect.
/// </summary>
public abstract partial class BackgroundCmdlet
{
    /// <summary>The first failure of the host's output: told at the end, because the work matters more than its messages.</summary>
    private Exception? _lostOutput;

    private protected new void WriteWarning(string text) => Write("Warning", () => base.WriteWarning(DisplayText.Lines(text)));

    private protected new void WriteVerbose(string text) => Write("Verbose", () => base.WriteVerbose(DisplayText.Lines(text)));

    private protected new void WriteDebug(string text) => Write("Debug", () => base.WriteDebug(DisplayText.Lines(text)));

    /// <summary>Tells a person something that is neither a result nor a warning: shown like Write-Host's, and silent by -InformationAction.</summary>
    private protected void WriteHost(string text) =>
        WriteInformation(new HostInformationMessage { Message = DisplayText.Lines(text) }, ["PSHOST"]);

    private protected new void WriteProgress(ProgressRecord record)
    {
        record.Activity = DisplayText.Line(record.Activity);
        record.StatusDescription = DisplayText.Line(record.StatusDescription);
        if (record.CurrentOperation is { Length: > 0 } operation)
            record.CurrentOperation = DisplayText.Line(operation);
        Write("Progress", () => base.WriteProgress(record));
    }

    private protected new bool ShouldProcess(string target) => Ask(() => base.ShouldProcess(DisplayText.Line(target)), target);

    private protected new bool ShouldProcess(string target, string action) =>
        Ask(() => base.ShouldProcess(DisplayText.Line(target), DisplayText.Line(action)), $"{action}: {target}");

    private protected new bool ShouldContinue(string query, string caption) =>
        Ask(() => base.ShouldContinue(DisplayText.Lines(query), DisplayText.Line(caption)), query, isAlwaysAsked: true);

    /// <summary>If PowerShell cannot ask, the answer is an error that says how to give it.</summary>
    /// <exception cref="ImageBackupException">ConfirmationNeeded.</exception>
    private bool Ask(Func<bool> question, string query, bool isAlwaysAsked = false)
    {
        try
        {
            return question();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Nobody has read the question. Without one, PowerShell failed over a line of -Verbose or -WhatIf.
            ConfirmImpact impact = GetType().GetCustomAttribute<CmdletAttribute>()?.ConfirmImpact ?? ConfirmImpact.Medium;
            _lostOutput ??= failure;
            if (isAlwaysAsked || (!IsWhatIf && Asks(impact)))
                throw new ImageBackupException(ErrorId.ConfirmationNeeded, $"PowerShell's output cannot be written, so the command cannot ask: {query}", null, failure);
            return !IsWhatIf;
        }
        catch (Exception failure) when (PasswordPrompt.CannotAsk(failure))
        {
            throw new ImageBackupException(ErrorId.ConfirmationNeeded, $"PowerShell is not interactive, so the command cannot ask: {query}", null, failure);
        }
    }

    /// <exception cref="ImageBackupException">ConfirmationNeeded: the preference is to ask at each message.</exception>
    private void Write(string stream, Action write)
    {
        try
        {
            write();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _lostOutput ??= failure;
        }
        catch (Exception failure) when (PasswordPrompt.CannotAsk(failure) && Inquires(stream))
        {
            throw InquiresOfNobody(stream, failure);
        }
    }

    /// <summary>Writes the error record. If that cannot be done, the command ends.</summary>
    private void WriteFailure(ErrorRecord record)
    {
        try
        {
            WriteError(record);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _lostOutput ??= failure;
        }
        catch (Exception failure) when (PasswordPrompt.CannotAsk(failure) && Inquires("Error"))
        {
            ThrowTerminatingError(ErrorRecords.From(InquiresOfNobody("Error", failure), null));
        }
    }

    private void TellOfLostOutput()
    {
        if (_lostOutput is null || RunningWork.IsTerminalLost)
            return;
        Exception failure = _lostOutput;
        _lostOutput = null;
        WriteFailure(ErrorRecords.From(new ImageBackupException(ErrorId.OutputLost,
            $"Messages of {MyInvocation.MyCommand?.Name} were lost, because PowerShell's output could not be written: {failure.Message}", null, failure), null));
    }

    /// <summary>-WarningAction Inquire, or the preference; 'Error' is an action, and its preference has that in its name.</summary>
    private bool Inquires(string stream) =>
        (MyInvocation.BoundParameters.TryGetValue(stream + "Action", out object? bound) ? bound : GetVariableValue(stream == "Error" ? "ErrorActionPreference" : stream + "Preference")) is { } preference
        && LanguagePrimitives.TryConvertTo(preference, out ActionPreference action) && action == ActionPreference.Inquire
        || stream == "Debug" && IsGiven("Debug");

    private static ImageBackupException InquiresOfNobody(string stream, Exception failure) =>
        new(ErrorId.ConfirmationNeeded, $"PowerShell is not interactive, so it cannot ask what to do at a message: -{stream}Action or its preference is Inquire.", null, failure);
}
