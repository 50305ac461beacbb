using System;
using System.Collections.Generic;

namespace ImageBackup.Engine.Policy.Rules;

/// <summary>
/// Everything that a volume is called: letter with colon, mount points, device path and its aliases,
/// <c>\\?\Volume{guid}\</c>, <c>LABEL=x</c>, <c>UUID=x</c>, <c>PARTUUID=x</c>. A rule hits a volume when its pattern
/// matches any of them.
/// </summary>
/// <remarks>
/// A label is only ever given as <c>LABEL=x</c>: the user who formats a stick chooses its label, and must not be able to
/// make it answer to another volume's path.
/// </remarks>
internal sealed record VolumeNames
{
    public VolumeNames(IReadOnlyList<string> names, bool isWindows)
    {
        Names = names ?? throw new ArgumentNullException(nameof(names));
        IsWindows = isWindows;
    }

    /// <summary>The names, as the system tells them; the stable name first.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Case does not count, and <c>\</c> separates directories as <c>/</c> does.</summary>
    public bool IsWindows { get; }

    /// <summary>The names of a volume, with the label and ids in the form that patterns match; null and empty ones are left out.</summary>
    public static VolumeNames Of(IEnumerable<string?> paths, string? label, string? uuid, string? partitionUuid, bool isWindows)
    {
        if (paths is null)
            throw new ArgumentNullException(nameof(paths));
        var names = new List<string>();
        foreach (var path in paths)
        {
            if (!string.IsNullOrEmpty(path) && !names.Contains(path!))
                names.Add(path!);
        }

        void Add(string prefix, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                names.Add(prefix + value);
        }

        Add("LABEL=", label);
        Add("UUID=", uuid);
        Add("PARTUUID=", partitionUuid);
        return new VolumeNames(names, isWindows);
    }
}
