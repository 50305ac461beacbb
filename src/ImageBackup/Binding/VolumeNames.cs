using System;
using System.Threading;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Jobs;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Binding;

/// <summary>Names of volumes as users write them, and the volumes they mean.</summary>
internal static class VolumeNames
{
    private static readonly string[] s_tags = ["LABEL=", "UUID=", "PARTUUID=", "PARTLABEL="];

    /// <summary>LABEL=x and the like: a name that only a probe of all volumes can resolve.</summary>
    public static bool IsTag(string name) =>
        Array.Exists(s_tags, tag => name.StartsWith(tag, StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// The name for the engine: a name that is relative to the session's location is made full by
    /// <paramref name="resolvePath"/>; devices, tags, letters and full paths stay.
    /// </summary>
    public static string Full(VolumeArgument volume, Func<string, string> resolvePath)
    {
        if (volume.Name is not { } name)
            throw new ImageBackupException(ErrorId.ParameterInvalid, volume.Problem ?? "No volume is named.", volume.ToString());
        return volume.IsFullPath || !IsRelativePath(name) ? name : resolvePath(name);
    }

    public static ImageVolume Find(VolumeArgument volume, Func<string, string> resolvePath, CancellationToken cancellation) =>
        new VolumeInventory(VolumeSystem.Current).Resolve(Full(volume, resolvePath), cancellation);

    private static bool IsRelativePath(string name)
    {
        if (IsTag(name) || name[0] is '/' or '\\')
            return false;
        // A letter, with or without colon and backslash, is a Windows volume; C:file is none of ours.
        bool isLetter = char.IsLetter(name[0]) && (name.Length == 1 || name[1] == ':');
        return !isLetter;
    }
}
