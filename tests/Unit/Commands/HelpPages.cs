using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>One example of a help page.</summary>
/// <param name="Run">Everywhere, in a real PowerShell alone, or not at all: what stands behind 'powershell' at its fence.</param>
internal sealed record HelpExample(string Title, string Code, string Run);

/// <summary>The help as it lies in the tree: the Markdown pages, and the MAML that was made of them.</summary>
internal static partial class HelpPages
{
    private static readonly XNamespace s_command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace s_maml = "http://schemas.microsoft.com/maml/2004/10";

    public static string Folder => Path.Combine(SourceTree.Root, "en-US");

    public static IEnumerable<string> Names => Directory.GetFiles(Folder, "*-*.md").Select(f => Path.GetFileNameWithoutExtension(f)!);

    public static string Text(string cmdlet) => File.ReadAllText(Path.Combine(Folder, cmdlet + ".md"));

    public static IEnumerable<string> Parameters(string cmdlet) =>
        ParameterHeading().Matches(Text(cmdlet)).Select(m => m.Groups[1].Value);

    public static string Synopsis(string cmdlet) => SynopsisSection().Match(Text(cmdlet)).Groups[1].Value.Trim();

    public static IReadOnlyList<HelpExample> Examples(string cmdlet) =>
        [.. ExampleSection().Matches(Text(cmdlet)).Select(m => new HelpExample(m.Groups[1].Value.Trim(), m.Groups[3].Value, m.Groups[2].Value.Trim()))];

    /// <summary>The commands of the MAML: name, synopsis, and each parameter with its description.</summary>
    public static IReadOnlyDictionary<string, (string Synopsis, IReadOnlyDictionary<string, string> Parameters)> Maml() =>
        XDocument.Load(Path.Combine(Folder, "ImageBackup.dll-Help.xml")).Root!.Elements(s_command + "command").ToDictionary(
            c => c.Element(s_command + "details")!.Element(s_command + "name")!.Value,
            c => (
                c.Element(s_command + "details")!.Element(s_maml + "description")!.Value.Trim(),
                (IReadOnlyDictionary<string, string>)c.Element(s_command + "parameters")!.Elements(s_command + "parameter").ToDictionary(
                    p => p.Element(s_maml + "name")!.Value, p => p.Element(s_maml + "description")?.Value.Trim() ?? "")),
            StringComparer.Ordinal);

    [GeneratedRegex(@"(?m)^### -(\w+)\s*$")]
    private static partial Regex ParameterHeading();

    [GeneratedRegex(@"(?s)\n## SYNOPSIS\s*\n(.*?)\n## ")]
    private static partial Regex SynopsisSection();

    [GeneratedRegex(@"(?ms)^### Example \d+:?(.*?)\n.*?^```powershell([^\n]*)\n(.*?)\n```")]
    private static partial Regex ExampleSection();
}
