using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Volumes.Undo;
using ImageBackup.Engine.VolumeSnapshots;

namespace ImageBackup.Vss;

/// <summary>What is written down of a set before it is begun.</summary>
internal static class VssRecord
{
    private const string Kind = "vss";
    private const string SetKey = "set";
    private const string VolumesKey = "volumes";
    private const string BegunKey = "begun";

    public static SnapshotUndoRecords<WindowsUndoRecord> In(string directory) => SnapshotUndoRecords.Windows(directory, Kind, NameOf, VolumesOf);

    public static Dictionary<string, string> Begun(IReadOnlyList<VolumeDescription> volumes) => new(StringComparer.Ordinal)
    {
        [VolumesKey] = string.Join(", ", volumes.Select(volume => volume.Name)),
        [BegunKey] = DateTimeOffset.Now.ToString("u", CultureInfo.InvariantCulture),
    };

    public static Dictionary<string, string> Started(Guid set) => new(StringComparer.Ordinal) { [SetKey] = set.ToString("B") };

    /// <summary>Null if the run was killed before VSS gave the set its id.</summary>
    public static Guid? SetOf(IReadOnlyDictionary<string, string> values) =>
        values.TryGetValue(SetKey, out string? text) && Guid.TryParse(text, out Guid set) ? set : null;

    public static string? VolumesOf(IReadOnlyDictionary<string, string> values) => values.TryGetValue(VolumesKey, out string? volumes) ? volumes : null;

    public static string NameOf(IReadOnlyDictionary<string, string> values) => SetOf(values) is { } set
        ? set.ToString("B")
        : $"set of {VolumesOf(values)} begun {(values.TryGetValue(BegunKey, out string? begun) ? begun : "?")}";
}
