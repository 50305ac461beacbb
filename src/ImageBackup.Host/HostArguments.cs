using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;

namespace ImageBackup.Host;

internal enum HostMode
{
    Prompt,
    Command,
    File,
    Version,
    Help,
}

/// <summary>The command line: pwsh's spelling for the few switches that there are.</summary>
internal sealed record HostArguments
{
    public const string HelpText = """
        ImageBackup.Host: a console with the PowerShell engine and the ImageBackup module.

          ImageBackup.Host                             a prompt
          ImageBackup.Host -Command <text>             runs the rest of the line (- reads it from standard input)
          ImageBackup.Host -File <path> [arguments]    runs a script

          -NonInteractive    never asks: what would ask fails
          -NoLogo            no banner before the prompt
          -Version           prints the version
          -Help              prints this

        Exit codes: 0 done; 1 failed; 3 some data could not be read; 10 no repository; 11 the repository is locked;
        12 wrong password; 130 cancelled; a script's 'exit n' is n.

        """;

    public HostMode Mode { get; private set; }
    public string CommandText { get; private set; } = "";
    public string FilePath { get; private set; } = "";
    public IReadOnlyList<string> FileArguments { get; private set; } = [];
    public bool IsNonInteractive { get; private set; }
    public bool HasLogo { get; private set; } = true;

    public static bool TryParse(string[] args, out HostArguments arguments, [NotNullWhen(false)] out string? complaint)
    {
        arguments = new HostArguments();
        complaint = null;
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i] is ['-', ..] or ['/', ..] ? args[i].TrimStart('-', '/').ToLowerInvariant() : "";
            switch (name)
            {
                case "command" or "c":
                    if (i + 1 >= args.Length)
                    {
                        complaint = "-Command needs the text to run.";
                        return false;
                    }
                    arguments.Mode = HostMode.Command;
                    arguments.CommandText = string.Join(' ', args[(i + 1)..]);
                    return true;
                case "file" or "f":
                    if (i + 1 >= args.Length)
                    {
                        complaint = "-File needs the path of a script.";
                        return false;
                    }
                    arguments.Mode = HostMode.File;
                    arguments.FilePath = args[i + 1];
                    arguments.FileArguments = args[(i + 2)..];
                    return true;
                case "noninteractive":
                    arguments.IsNonInteractive = true;
                    break;
                case "nologo":
                    arguments.HasLogo = false;
                    break;
                case "noprofile":
                    // There are no profiles here; the switch is taken so that a scheduled pwsh line works unchanged.
                    break;
                case "version" or "v":
                    arguments.Mode = HostMode.Version;
                    return true;
                case "help" or "h" or "?":
                    arguments.Mode = HostMode.Help;
                    return true;
                default:
                    complaint = $"'{args[i]}' is not understood.";
                    return false;
            }
        }
        return true;
    }
}
