using System;
using System.Linq;

namespace ImageBackup.Engine.VolumeSnapshots;

/// <summary>A volume as Windows' shadow copy services want it named.</summary>
internal static class ShadowedVolume
{
    private const string GuidPrefix = @"\\?\Volume{";

    /// <summary>Its \\?\Volume{guid}\, else where it is mounted, with a backslash at the end; null if it has neither.</summary>
    public static string? RootOf(VolumeDescription volume)
    {
        if (volume.Kind != VolumeKind.WindowsVolume)
            return null;
        string? name = volume.Aliases.Concat([volume.Name]).FirstOrDefault(alias => alias.StartsWith(GuidPrefix, StringComparison.OrdinalIgnoreCase))
            ?? (volume.MountPoints.Count > 0 ? volume.MountPoints[0] : null);
        return name is null || name.EndsWith("\\", StringComparison.Ordinal) ? name : name + "\\";
    }
}
