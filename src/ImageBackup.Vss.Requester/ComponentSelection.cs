using System;
using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Vss.Requester;

/// <summary>
/// Which components of the writers belong into a set ("Selecting Components for a Backup"): those that are under no selectable one,
/// if none of their files lies on a volume outside of the set. What is under a component comes with it.
/// </summary>
internal static class ComponentSelection
{
    private const string ObjectPrefix = @"\\?\";

    /// <summary>To be told to VSS.</summary>
    public static IReadOnlyList<WriterMetadataComponent> Of(WriterMetadata writer, IReadOnlyList<string> roots) =>
        [.. writer.Components.Where(component => !writer.Components.Any(other => other.IsSelectable && IsUnder(component, other))
            && WithDescendants(writer, component).All(one => one.Files.All(file => PlaceOf(file, roots) != FilePlace.Elsewhere)))];

    /// <summary>Whether it is in the set by itself, or comes with a selected one.</summary>
    public static bool Includes(IReadOnlyList<WriterMetadataComponent> selected, WriterMetadataComponent component) =>
        selected.Any(one => ReferenceEquals(one, component) || IsUnder(component, one));

    /// <summary>False only if no file of any component of it can be on one of the volumes.</summary>
    public static bool MayLieOn(WriterMetadata writer, IReadOnlyList<string> roots) =>
        writer.Components.Any(component => component.Files.Any(file => PlaceOf(file, roots) != FilePlace.Elsewhere));

    private static IEnumerable<WriterMetadataComponent> WithDescendants(WriterMetadata writer, WriterMetadataComponent component) =>
        writer.Components.Where(other => ReferenceEquals(other, component) || IsUnder(other, component));

    private static bool IsUnder(WriterMetadataComponent component, WriterMetadataComponent ancestor) =>
        !ReferenceEquals(component, ancestor)
        && (component.LogicalPath + "\\").StartsWith(ancestor.Path + "\\", StringComparison.OrdinalIgnoreCase);

    private static FilePlace PlaceOf(WriterFile file, IReadOnlyList<string> roots)
    {
        string path = WithSeparator(Environment.ExpandEnvironmentVariables(file.Directory));
        bool isPlaced = path.StartsWith(ObjectPrefix, StringComparison.Ordinal) || (path.Length > 2 && path[1] == ':' && path[2] == '\\');
        // A share, a variable that only the writer knows, nothing: it may be anywhere. What is mounted deeper counts for both volumes.
        if (!isPlaced)
            return FilePlace.Unknown;
        return roots.Any(root => path.StartsWith(root, StringComparison.OrdinalIgnoreCase)
            || (file.IsRecursive && root.StartsWith(path, StringComparison.OrdinalIgnoreCase)))
            ? FilePlace.OnVolumes
            : FilePlace.Elsewhere;
    }

    private static string WithSeparator(string path) => path.EndsWith("\\", StringComparison.Ordinal) ? path : path + "\\";

    private enum FilePlace
    {
        OnVolumes,
        Elsewhere,
        Unknown,
    }
}
