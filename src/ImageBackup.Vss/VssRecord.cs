using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Volumes;
using ImageBackup.Engine.Volumes.Windows;

namespace ImageBackup.Vss;

/// <summary>What is written down of a set before it is begun.</summary>
internal static class VssRecord
{
    public const string Kind = "vss";
    private const string SetKey = "set";
    private const string VolumesKey = "volumes";
    private const string BegunKey = "begun";

    public static Dictionary<string, string> Begun(IReadOnlyList<VolumeDescription> volumes) => new(StringComparer.Ordinal)
    {
        [VolumesKey] = string.Join(", ", volumes.Select(volume => volume.Name)),
        [BegunKey] = DateTimeOffset.Now.ToString("u", CultureInfo.InvariantCulture),
    };

    public static Dictionary<string, string> Started(Guid set) => new(StringComparer.Ordinal) { [SetKey] = set.ToString("B") };

    /// <summary>Null where the run was killed before VSS gave the set its id.</summary>
    public static Guid? SetOf(HeldFile record) =>
        record.Values.TryGetValue(SetKey, out string? text) && Guid.TryParse(text, out Guid set) ? set : null;

    public static string? VolumesOf(HeldFile record) => record.Values.TryGetValue(VolumesKey, out string? volumes) ? volumes : null;

    public static string NameOf(HeldFile record) => SetOf(record) is { } set
        ? set.ToString("B")
        : $"set of {VolumesOf(record)} begun {(record.Values.TryGetValue(BegunKey, out string? begun) ? begun : "?")}";
}
