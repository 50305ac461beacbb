using System;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Threading;

namespace ImageBackup.Host;

/// <summary>
/// Text in and out. Objects go to standard output; errors, warnings, verbose text and progress to standard error, so
/// that a pipe gets data only.
/// </summary>
internal sealed partial class ConsoleUserInterface : PSHostUserInterface
{
    private readonly Lock _gate = new();
    private readonly ConsoleRawUserInterface _raw = new();
    private readonly ProgressLine _progress;
    private readonly bool _isNonInteractive;
    private readonly bool _hasColor = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null or "";

    public ConsoleUserInterface(bool isNonInteractive)
    {
        _isNonInteractive = isNonInteractive;
        _progress = new ProgressLine(Console.Error, !Console.IsErrorRedirected, () => _raw.WindowSize.Width);
    }

    public override PSHostRawUserInterface RawUI => _raw;

    public override bool SupportsVirtualTerminal => IsTerminal(Console.Out);

    public bool IsInteractive => !_isNonInteractive;

    public void ClearProgress()
    {
        lock (_gate)
            _progress.Forget();
    }

    public override void Write(string value) => Put(Console.Out, value, null);

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) =>
        Put(Console.Out, value, Console.IsOutputRedirected ? null : foregroundColor);

    public override void WriteLine(string value) => Put(Console.Out, value + Environment.NewLine, null);

    public override void WriteErrorLine(string value) => Put(Console.Error, value + Environment.NewLine, ConsoleColor.Red);

    public override void WriteWarningLine(string message) =>
        Put(Console.Error, $"WARNING: {message}{Environment.NewLine}", ConsoleColor.Yellow);

    public override void WriteVerboseLine(string message) =>
        Put(Console.Error, $"VERBOSE: {message}{Environment.NewLine}", ConsoleColor.Yellow);

    public override void WriteDebugLine(string message) =>
        Put(Console.Error, $"DEBUG: {message}{Environment.NewLine}", ConsoleColor.Yellow);

    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        lock (_gate)
            _progress.Show(record);
    }

    public override string ReadLine()
    {
        ThrowIfNonInteractive("input");
        return Console.ReadLine() ?? "";
    }

    public override SecureString ReadLineAsSecureString()
    {
        ThrowIfNonInteractive("a secret");
        var secret = new SecureString();
        if (Console.IsInputRedirected)
        {
            // Character by character: the secret never becomes a string.
            for (int c = Console.In.Read(); c is not -1 and not '\n'; c = Console.In.Read())
            {
                if (c != '\r')
                    secret.AppendChar((char)c);
            }
            secret.MakeReadOnly();
            return secret;
        }
        while (true)
        {
            ConsoleKeyInfo key = Console.ReadKey(intercept: true);
            if (key.Key == ConsoleKey.Enter)
                break;
            if (key.Key == ConsoleKey.Backspace)
            {
                if (secret.Length > 0)
                    secret.RemoveAt(secret.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                secret.AppendChar(key.KeyChar);
            }
        }
        Put(Console.Error, Environment.NewLine, null);
        secret.MakeReadOnly();
        return secret;
    }

    private void Put(TextWriter stream, string text, ConsoleColor? color)
    {
        lock (_gate)
        {
            _progress.Clear();
            try
            {
                bool isColored = color is not null && _hasColor;
                if (isColored)
                    Console.ForegroundColor = color!.Value;
                stream.Write(GetOutputString(text, IsTerminal(stream)));
                if (isColored)
                    Console.ResetColor();
                stream.Flush();
            }
            catch (IOException)
            {
                // The reader of the pipe went away; what is being done matters more than who watches.
            }
        }
    }

    /// <summary>Whether escape sequences may go to a stream.</summary>
    private static bool IsTerminal(TextWriter stream)
    {
        bool isRedirected = stream == Console.Out ? Console.IsOutputRedirected : Console.IsErrorRedirected;
        return !isRedirected && (!OperatingSystem.IsWindows() || WindowsTerminal.IsVirtualTerminal);
    }

    private void ThrowIfNonInteractive(string what)
    {
        if (_isNonInteractive)
            throw new HostException($"The command asks for {what}, and this console was started with -NonInteractive.");
    }
}
