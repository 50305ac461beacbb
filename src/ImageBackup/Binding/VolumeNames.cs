using System;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Planning;
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
    /// <paramref name="resolvePath"/>, so call it on the pipeline thread; devices, tags, letters and full paths stay.
    /// </summary>
    public static string Full(VolumeArgument volume, Func<string, string> resolvePath)
    {
        if (volume.Name is not { } name)
            throw new ImageBackupException(ErrorId.ParameterInvalid, volume.Problem ?? "The argument names no volume.", volume.ToString());
        return volume.IsFullPath || !IsRelativePath(name) ? name : resolvePath(name);
    }

    /// <summary>As <see cref="Full"/>, for a source: a drive that does not exist is a volume that does not.</summary>
    public static string FullSource(VolumeArgument volume, Func<string, string> resolvePath)
    {
        try
        {
            return Full(volume, resolvePath);
        }
        catch (ImageBackupException failure) when (volume.Name is not null)
        {
            throw new ImageBackupException(ErrorId.VolumeNotFound, $"There is no volume '{volume.Name}': {failure.Message}", volume.Name);
        }
    }

    /// <summary>A name with the volume of this machine that has it; none has it: its images are looked up in their own records.</summary>
    /// <exception cref="ImageBackupException">VolumeAmbiguous: two volumes have it.</exception>
    public static VolumeReference Refer(string fullName, CancellationToken cancellation)
    {
        try
        {
            return new VolumeReference(fullName, Find(fullName, cancellation));
        }
        catch (ImageBackupException absent) when (absent.Id is ErrorId.VolumeNotFound or ErrorId.VolumeAccessDenied or ErrorId.NotElevated)
        {
            return new VolumeReference(fullName, null);
        }
    }

    public static ImageVolume Find(string fullName, CancellationToken cancellation) =>
        new VolumeInventory(VolumeSystem.Current).Resolve(fullName, cancellation);

    private static bool IsRelativePath(string name)
    {
        if (IsTag(name) || name[0] is '/' or '\\')
            return false;
        // On Windows a letter, with or without colon and backslash, is a volume; elsewhere it is a file or a drive
        // of PowerShell's.
        return Path.DirectorySeparatorChar == '/' || !char.IsLetter(name[0]) || (name.Length > 1 && name[1] != ':');
    }
}
