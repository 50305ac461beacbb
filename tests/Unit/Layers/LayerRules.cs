using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace ImageBackup.Tests.Unit.Layers;

/// <summary>
/// Which layer of the engine may know which. Evaluated by what a source file says: its folder, its namespace, and every
/// other layer's namespace that stands in it, in a using directive or written out.
/// </summary>
internal static partial class LayerRules
{
    private static readonly string[] s_belowJobs =
        ["Planning", "Pipeline", "Images", "VolumeSnapshots", "FileSystems", "Policy", "Events", "Repository", "Volumes", "Disks", "Storage", "Blocks", "Model", "Cryptography", "Platform", "Compat"];

    /// <summary>The arrows that may be drawn; src/ARCHITECTURE.md explains them. A layer knows itself.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Allowed = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["Compat"] = [],
        ["Checksums"] = ["Compat"],
        ["Cryptography"] = ["Compat"],
        ["Platform"] = ["Compat"],
        ["Model"] = ["Platform"],
        ["Blocks"] = ["Model", "Compat"],
        ["Storage"] = ["Platform", "Compat"],
        ["Events"] = ["Platform", "Compat"],
        ["Disks"] = ["Blocks", "Model", "Checksums", "Compat"],
        ["Policy"] = ["Model", "Platform", "Compat"],
        ["Repository"] = ["Storage", "Blocks", "Model", "Cryptography", "Platform", "Compat"],
        ["Volumes"] = ["Disks", "Blocks", "Model", "Platform", "Compat"],
        ["FileSystems"] = ["Disks", "Blocks", "Model", "Checksums", "Platform", "Compat"],
        ["VolumeSnapshots"] = ["Volumes", "Blocks", "Model", "Platform", "Compat"],
        ["Images"] = ["Repository", "Policy", "Storage", "Blocks", "Model", "Cryptography", "Platform", "Compat"],
        ["Planning"] = ["Images", "VolumeSnapshots", "FileSystems", "Volumes", "Policy", "Blocks", "Model", "Platform", "Compat"],
        ["Pipeline"] = ["Images", "Repository", "Events", "Blocks", "Model", "Cryptography", "Platform", "Compat"],
        ["Undo"] = ["VolumeSnapshots", "Volumes", "Events", "Model", "Platform", "Compat"],
        ["Backup"] = ["Undo", .. s_belowJobs],
        ["Items"] = ["Pipeline", "Images", "FileSystems", "Repository", "Blocks", "Model", "Platform", "Compat"],
        ["Restore"] = s_belowJobs,
        ["Verify"] = s_belowJobs,
        ["Removal"] = s_belowJobs,
        ["Copying"] = s_belowJobs,
    };

    /// <summary>The same inside <c>Repository</c>, from the lowest. Its own folder, "", holds the open repository.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> AllowedInRepository = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        ["Blobs"] = ["Sealing"],
        ["Compression"] = [],
        ["Sealing"] = [],
        ["Files"] = ["Blobs", "Compression", "Sealing"],
        ["Packs"] = ["Files", "Blobs", "Sealing"],
        ["Indexes"] = ["Packs", "Files", "Blobs", "Sealing"],
        ["Reading"] = ["Indexes", "Packs", "Files", "Blobs", "Compression", "Sealing"],
        ["Writing"] = ["Indexes", "Packs", "Files", "Blobs", "Compression", "Sealing"],
        ["Keys"] = ["Files", "Blobs", "Sealing"],
        ["Locks"] = ["Files", "Blobs", "Sealing"],
        [""] = ["Keys", "Locks", "Reading", "Writing", "Indexes", "Packs", "Files", "Blobs", "Compression", "Sealing"],
        ["Trees"] = ["", "Reading", "Indexes", "Files", "Blobs"],
        ["Snapshots"] = ["", "Trees", "Files", "Blobs"],
        ["Maintenance"] = ["", "Snapshots", "Trees", "Keys", "Locks", "Reading", "Writing", "Indexes", "Packs", "Files", "Blobs", "Compression", "Sealing"],
    };

    private const string Prefix = "ImageBackup.Engine.";

    /// <summary>What is wrong with one file of the engine; nothing if its arrows point the right way.</summary>
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
            yield return $"{path} lies in a folder that is not a layer.";
            yield break;
        }
        string code = Comments().Replace(source, "");
        Match own = Namespace().Match(code);
        string folder = path[..path.LastIndexOf('/')];
        // What the compiler asks for by name has the name that it asks for.
        bool isLanguage = folder == "Compat/Language" && own.Groups[1].Value.Split('.')[0] == "System";
        if (own.Success && !isLanguage && own.Groups[1].Value != NamespaceOf(folder))
            yield return $"{path} has the namespace {own.Groups[1].Value} of another folder.";
        foreach (string known in Known(code, layer).Distinct().Where(k => k != layer && !allowed.Contains(k)))
            yield return $"{path}: {layer} must not know {known}.";
        if (layer == "Repository")
        {
            string part = PartOfRepository(NamespaceOf(folder))!;
            if (!AllowedInRepository.TryGetValue(part, out string[]? parts))
            {
                yield return $"{path} lies in a folder of Repository that is not a layer.";
                yield break;
            }
            foreach (string known in RepositoryNames().Matches(code).Select(m => m.Groups[1].Value).Distinct().Where(k => k != part && !parts.Contains(k)))
                yield return $"{path}: Repository/{part} must not know Repository/{known}.";
        }
        if (code.Contains("System.Management.Automation", StringComparison.Ordinal))
            yield return $"{path}: the engine must not know PowerShell.";
    }

    /// <summary>Namespaces are folders; the public face is one namespace, whatever its folders.</summary>
    public static string NamespaceOf(string folder) => folder.Split('/')[0] == "Model" ? "ImageBackup" : Prefix + folder.Replace('/', '.');

    /// <summary>The layer that a namespace is; null: none of the engine's.</summary>
    public static string? LayerOf(string? space) => space == "ImageBackup" ? "Model"
        : space is not null && space.StartsWith(Prefix, StringComparison.Ordinal) ? space[Prefix.Length..].Split('.')[0] : null;

    /// <summary>The folder of Repository that a namespace is, "" for its own; null: another layer.</summary>
    public static string? PartOfRepository(string? space) => LayerOf(space) != "Repository" ? null
        : space!.Split('.') is { Length: > 3 } parts ? parts[3] : "";

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

    [GeneratedRegex(@"(?:ImageBackup\.Engine\.|(?<![\w.]))Repository\.(Blobs|Compression|Sealing|Files|Packs|Indexes|Reading|Writing|Keys|Locks|Trees|Snapshots|Maintenance)\b")]
    private static partial Regex RepositoryNames();

    /// <summary>Layer.Type or Layer.Folder.Type, not itself a member of something.</summary>
    [GeneratedRegex(@"(?<![\w.])(Platform|Cryptography|Checksums|Storage|Disks|Volumes|VolumeSnapshots|FileSystems|Repository|Policy|Events|Images|Planning|Pipeline|Items|Backup|Restore|Verify|Removal|Copying|Undo)\.(?:[A-Z]\w*\.)*(?:I?[A-Z]\w+)(?=[\s.(<>;,)?\[{])")]
    private static partial Regex ShortNames();
}
