using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace ImageBackup.Tests.Unit.Layers;

/// <summary>
/// Which layer of the engine may know which. Judged by what a source file says: its folder, its namespace, and every
/// other layer's namespace that stands in it, in a using directive or written out.
/// </summary>
internal static partial class LayerRules
{
    /// <summary>The arrows that may be drawn; src/ARCHITECTURE.md explains them. A layer knows itself.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Allowed = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["Compat"] = [],
        ["Blocks"] = ["Compat"],
        ["Errors"] = [],
        ["Storage"] = ["Compat"],
        ["Disks"] = ["Blocks", "Errors", "Compat"],
        ["Volumes"] = ["Disks", "Blocks", "Errors", "Compat"],
        ["FileSystems"] = ["Disks", "Blocks", "Errors", "Compat"],
        ["Chunks"] = ["Blocks", "Errors", "Compat"],
        ["Repository"] = ["Storage", "Blocks", "Errors", "Compat"],
        ["Policy"] = ["Blocks", "Errors", "Compat"],
        ["Events"] = ["Compat"],
        ["Jobs"] = ["Events", "Disks", "Volumes", "FileSystems", "Chunks", "Repository", "Storage", "Policy", "Blocks", "Errors", "Compat"],
    };

    private const string Prefix = "ImageBackup.Engine.";

    /// <summary>What is wrong with one file of the engine; nothing where its arrows point the right way.</summary>
    /// <param name="path">Relative to the engine's folder, with slashes.</param>
    public static IEnumerable<string> Violations(string path, string source)
    {
        int slash = path.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            yield return $"{path} lies in no layer's folder.";
            yield break;
        }
        string layer = path[..slash];
        if (!Allowed.TryGetValue(layer, out string[]? allowed))
        {
            yield return $"{path} lies in a folder that is no layer.";
            yield break;
        }
        string code = Comments().Replace(source, "");
        Match own = Namespace().Match(code);
        // What the compiler asks for by name has the name that it asks for.
        bool isLanguage = path.StartsWith("Compat/Language/", StringComparison.Ordinal) && own.Groups[1].Value.Split('.')[0] == "System";
        if (own.Success && !isLanguage && !(own.Groups[1].Value + ".").StartsWith(Prefix + layer + ".", StringComparison.Ordinal))
            yield return $"{path} has the namespace {own.Groups[1].Value} of another folder.";
        foreach (string known in Known(code, layer).Distinct().Where(k => k != layer && !allowed.Contains(k)))
            yield return $"{path}: {layer} must not know {known}.";
        if (code.Contains("System.Management.Automation", StringComparison.Ordinal))
            yield return $"{path}: the engine must not know PowerShell.";
    }

    private static IEnumerable<string> Known(string code, string layer)
    {
        foreach (Match match in FullNames().Matches(code))
        {
            if (Allowed.ContainsKey(match.Groups[1].Value))
                yield return match.Groups[1].Value;
        }
        // Inside ImageBackup.Engine.X a sibling namespace can be written without its beginning.
        foreach (Match match in ShortNames().Matches(code))
        {
            string name = match.Groups[1].Value;
            if (name != layer && Allowed.ContainsKey(name))
                yield return name;
        }
    }

    [GeneratedRegex(@"///?[^\n]*|/\*.*?\*/|""(?:[^""\\\n]|\\.)*""", RegexOptions.Singleline)]
    private static partial Regex Comments();

    [GeneratedRegex(@"^\s*namespace\s+([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"ImageBackup\.Engine\.(\w+)")]
    private static partial Regex FullNames();

    /// <summary>Layer.Type or Layer.Folder.Type, not itself a member of something.</summary>
    [GeneratedRegex(@"(?<![\w.])(Storage|Volumes|FileSystems|Chunks|Repository|Policy|Events|Jobs)\.(?:[A-Z]\w*\.)*(?:I?[A-Z]\w+)(?=[\s.(<>;,)?\[{])")]
    private static partial Regex ShortNames();
}
