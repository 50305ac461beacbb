using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Completion;

/// <summary>
/// The base of argument completers: <c>[ArgumentCompleter(typeof(VolumeCompleter))]</c> on a parameter. What is offered
/// begins with what was typed, without regard to case. A completer never fails and never makes the user wait for long:
/// then it offers nothing, and PowerShell offers what it would without one.
/// </summary>
internal abstract class NameCompleter : IArgumentCompleter
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? "").Trim('\'', '"');
        var results = new List<CompletionResult>();
        var offered = new HashSet<string>(StringComparer.Ordinal);
        foreach (CompletionCandidate candidate in InTime(fakeBoundParameters ?? new Hashtable()))
        {
            if (candidate.Text.Length > 0
                && candidate.Text.StartsWith(typed, StringComparison.OrdinalIgnoreCase)
                && offered.Add(candidate.Text))
            {
                string tooltip = candidate.Tooltip.Length > 0 ? candidate.Tooltip : candidate.ListText;
                results.Add(new CompletionResult(Quoted(candidate.Text), candidate.ListText, CompletionResultType.ParameterValue, tooltip));
            }
        }
        // Null, and not an empty list: then PowerShell offers what it would without a completer, such as files.
        return results.Count > 0 ? results : null!;
    }

    /// <summary>
    /// What there is to offer. Called on the pipeline thread: what belongs to the session is looked up here; the slow
    /// part is the function that is given back, which runs on another thread.
    /// </summary>
    /// <param name="bound">The parameters that stand on the line already.</param>
    private protected abstract Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound);

    private List<CompletionCandidate> InTime(IDictionary bound)
    {
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            Func<CancellationToken, IEnumerable<CompletionCandidate>> list = Prepare(bound);
            CancellationToken cancellation = patience.Token;
            var listing = Task.Run(() => new List<CompletionCandidate>(list(cancellation)), CancellationToken.None);
            return listing.Wait(s_patience) ? listing.Result : [];
        }
        catch (Exception)
        {
            // On any failure there is no completion.
            return [];
        }
    }

    /// <summary>A file that a parameter on the line points to, from the session's location; else the usual one. On the pipeline thread.</summary>
    private protected static string PathOf(IDictionary bound, string parameter, string usual)
    {
        if (!bound.Contains(parameter) || bound[parameter] is not string { Length: > 0 } path)
            return usual;
        // Nested in the completion's own pipeline: the runspace answers no other caller while that runs.
        using var shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        shell.AddScript("$ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($args[0])", useLocalScope: true).AddArgument(path);
        return shell.Invoke<string>()[0];
    }

    /// <summary>
    /// As it must be written on a command line: bare if PowerShell then reads the same text, and not a number, an operator or
    /// a variable; what must not be shown is written as an expression that gives it.
    /// </summary>
    internal static string Quoted(string text)
    {
        if (DisplayText.Line(text) != text)
            return Expression(text);
        bool isPlain = Parser.ParseInput("x " + text, out _, out ParseError[] errors) is { EndBlock.Statements: [PipelineAst { PipelineElements: [CommandAst { CommandElements: [_, StringConstantExpressionAst { StringConstantType: StringConstantType.BareWord } word] }] }] }
            && errors.Length == 0 && word.Value == text && text.IndexOfAny(['`', '*', '[', ']']) < 0;
        return isPlain ? text : "'" + CodeGeneration.EscapeSingleQuotedStringContent(text) + "'";
    }

    /// <summary>A string in double quotes with $([char]27) for what must not be shown; every PowerShell reads it.</summary>
    private static string Expression(string text)
    {
        var written = new StringBuilder("\"");
        foreach (char c in text)
        {
            // A curly quote ends a string as a straight one does.
            if (c is '"' or '`' or '$' or '\u201C' or '\u201D' or '\u201E')
                written.Append('`').Append(c);
            else if (char.IsSurrogate(c) || DisplayText.Line(c.ToString()).Length > 1)
                written.Append("$([char]").Append(((int)c).ToString(CultureInfo.InvariantCulture)).Append(')');
            else
                written.Append(c);
        }
        return written.Append('"').ToString();
    }
}
