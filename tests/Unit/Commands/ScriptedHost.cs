using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>A host that writes what it is told into a text, and answers questions from a script.</summary>
internal sealed class ScriptedHost : PSHost
{
    public ScriptedUserInterface Console { get; } = new();
    public override string Name => "ScriptedHost";
    public override Version Version => new(1, 0);
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override PSHostUserInterface UI => Console;
    public override CultureInfo CurrentCulture => CultureInfo.InvariantCulture;
    public override CultureInfo CurrentUICulture => CultureInfo.InvariantCulture;
    public override void EnterNestedPrompt() => throw new NotSupportedException();
    public override void ExitNestedPrompt() => throw new NotSupportedException();
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) { }
}

internal sealed class ScriptedUserInterface : PSHostUserInterface
{
    public StringBuilder Text { get; } = new();
    public List<string> Questions { get; } = [];
    public List<ProgressRecord> Progress { get; } = [];

    /// <summary>The index of the choice that every question is answered with.</summary>
    public int Answer { get; set; }

    /// <summary>Nobody can be asked, as with pwsh -NonInteractive.</summary>
    public bool IsDeaf { get; set; }
    public override PSHostRawUserInterface RawUI { get; } = new WideRawUserInterface();
    public override bool SupportsVirtualTerminal => false;
    public override void Write(string value) => Text.Append(GetOutputString(value, false));
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Write(value);
    public override void WriteLine(string value) => Text.AppendLine(GetOutputString(value, false));
    public override void WriteErrorLine(string value) => Text.Append("ERROR: ").AppendLine(value);
    public override void WriteDebugLine(string message) => Text.Append("DEBUG: ").AppendLine(message);
    public override void WriteVerboseLine(string message) => Text.Append("VERBOSE: ").AppendLine(message);
    public override void WriteWarningLine(string message) => Text.Append("WARNING: ").AppendLine(message);
    public override void WriteProgress(long sourceId, ProgressRecord record) => Progress.Add(record);
    public override string ReadLine() => throw new NotSupportedException();
    public override SecureString ReadLineAsSecureString() => throw new NotSupportedException();

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) =>
        throw new NotSupportedException();

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw new NotSupportedException();

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) =>
        throw new NotSupportedException();

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        if (IsDeaf)
            throw new PSInvalidOperationException("PowerShell is in NonInteractive mode.");
        Questions.Add(message);
        return Answer;
    }

    private sealed class WideRawUserInterface : PSHostRawUserInterface
    {
        public override ConsoleColor BackgroundColor { get; set; }
        public override Size BufferSize { get; set; } = new(200, 100);
        public override Coordinates CursorPosition { get; set; }
        public override int CursorSize { get; set; }
        public override ConsoleColor ForegroundColor { get; set; }
        public override bool KeyAvailable => false;
        public override Size MaxPhysicalWindowSize => BufferSize;
        public override Size MaxWindowSize => BufferSize;
        public override Coordinates WindowPosition { get; set; }
        public override Size WindowSize { get; set; } = new(200, 100);
        public override string WindowTitle { get; set; } = "";
        public override void FlushInputBuffer() { }
        public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw new NotSupportedException();
        public override KeyInfo ReadKey(ReadKeyOptions options) => throw new NotSupportedException();
        public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) =>
            throw new NotSupportedException();
        public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw new NotSupportedException();
        public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw new NotSupportedException();
    }
}
