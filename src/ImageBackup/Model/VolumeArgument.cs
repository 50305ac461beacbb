using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Management.Automation;
using ImageBackup.Binding;

namespace ImageBackup;

/// <summary>
/// One volume as the user named it: by text, or by an object that stands for one. Never fails to bind: what names
/// no volume carries its <see cref="Problem"/>, so that it becomes one error record among good volumes.
/// </summary>
public sealed class VolumeArgument
{
    private VolumeArgument(object input, string? name, string? problem, bool isPath = false)
    {
        Input = input;
        Name = name;
        Problem = problem;
        IsFullPath = isPath;
    }

    /// <summary>What was given; the error record's target.</summary>
    public object Input { get; }

    /// <summary>The volume's name; null if <see cref="Problem"/> tells why there is none.</summary>
    public string? Name { get; }
    public string? Problem { get; }

    /// <summary>The name came from an object that knows it whole: nothing is to be resolved against the location.</summary>
    public bool IsFullPath { get; }

    /// <summary>The device that the user said yes to under this name; null: the user was not asked.</summary>
    internal DeviceInstance? Confirmed { get; private init; }

    /// <summary>For a job: what was confirmed before it began.</summary>
    internal static VolumeArgument ConfirmedAs(string fullName, DeviceInstance? confirmed) => new(fullName, fullName, null, isPath: true) { Confirmed = confirmed };

    public override string ToString() => Name ?? Problem ?? "";

    /// <summary>
    /// The volumes that a value stands for: text, a file, objects of Get-ImageVolume, Get-Volume (MSFT_Volume),
    /// Get-ImageBackup, <c>lsblk -J | ConvertFrom-Json</c>, or a list of any of these. An lsblk device with
    /// children stands for the volumes on it, not for itself.
    /// </summary>
    public static IReadOnlyList<VolumeArgument> From(object? value)
    {
        var found = new List<VolumeArgument>();
        if (value is null)
            return found;
        Add(value, found, depth: 0);
        return found;
    }

    private static void Add(object? value, List<VolumeArgument> found, int depth, bool isOnMapper = false)
    {
        if (value is null)
        {
            // Among others it is a variable that was never set, and not nothing.
            found.Add(new(DBNull.Value, null, "A value that is $null names no volume."));
            return;
        }
        if (!InputProperties.TryBare(value, depth, out object? bare))
            return;
        if (NumberToken.IsNumber(bare) && NumberToken.TextOf(value) is { } typed)
            bare = typed;
        if (InputProperties.TextOf(bare) is { } text)
        {
            found.Add(text.Length > 0 ? new(value, text, null) : new(value, null, "An empty text names no volume."));
            return;
        }
        switch (bare)
        {
            case VolumeArgument argument:
                found.Add(argument);
                return;
            case ImageVolume volume:
                found.Add(new(value, volume.Name, null, isPath: true));
                return;
            case VolumeDescription volume:
                found.Add(new(value, volume.Name, null, isPath: true));
                return;
            case ImageBackupInfo image:
                found.Add(new(value, image.VolumeId, null, isPath: true));
                return;
            case FileSystemInfo file:
                found.Add(new(value, file.FullName, null, isPath: true));
                return;
            case DriveInfo drive:
                found.Add(new(value, drive.Name, null, isPath: true));
                return;
            case PathInfo path:
                found.Add(new(value, path.ProviderPath, null, isPath: true));
                return;
            case IEnumerable list and not IDictionary:
                foreach (object? item in list)
                    Add(item, found, depth + 1, isOnMapper);
                return;
            default:
                AddObject(value, PSObject.AsPSObject(value), found, depth, isOnMapper);
                return;
        }
    }

    private static void AddObject(object input, PSObject value, List<VolumeArgument> found, int depth, bool isOnMapper)
    {
        // The partitions of a multipath device are the device mapper's, though lsblk calls them "part" as it does others.
        bool isMapper = IsMapperType(value) || (isOnMapper && InputProperties.Text(value, "type") is "part");
        // The document that lsblk -J prints, and a device in it that others lie on.
        foreach (string list in new[] { "blockdevices", "children" })
        {
            int before = found.Count;
            foreach (object item in InputProperties.Items(value, list))
                Add(item, found, depth + 1, isMapper);
            if (found.Count > before || (list == "blockdevices" && InputProperties.Has(value, list)))
                return;
        }

        string? name = NameOf(value, isMapper);
        found.Add(name is not null
            ? new(input, name, null, isPath: true)
            : new(input, null, $"An object of type {TypeOf(value)} names no volume: it has none of the properties "
                + "Path, DevicePath, Volume, UniqueId, DriveLetter and name."));
    }

    private static string? NameOf(PSObject value, bool isMapper)
    {
        // Deserialised objects of ours: the name is the stable one.
        foreach (string typeName in value.TypeNames)
        {
            if (typeName.EndsWith(".ImageVolume", StringComparison.Ordinal))
                return InputProperties.Text(value, "Name");
            if (typeName.EndsWith(".ImageBackupInfo", StringComparison.Ordinal))
                return InputProperties.Text(value, "VolumeId") ?? InputProperties.Text(value, "Volume");
        }
        // Results of ours, and their rows of a CSV file or JSON: another volume may have the name now.
        if (InputProperties.Text(value, "Volume") is not null && InputProperties.Text(value, "VolumeId") is { } id)
            return id;
        foreach (string property in new[] { "Path", "DevicePath", "Volume", "UniqueId" })
        {
            if (InputProperties.Text(value, property) is { } text)
                return text;
        }
        if (InputProperties.Text(value, "DriveLetter") is { } letter)
            return letter.Length == 1 ? letter + ":" : letter;
        if (InputProperties.Text(value, "FullName") is { } fullName)
            return fullName;
        // lsblk's name, without the directory; only a line of lsblk has it beside maj:min or a type.
        if (InputProperties.Text(value, "name") is { } kernelName
            && (InputProperties.Has(value, "maj:min") || InputProperties.Has(value, "type") || InputProperties.Has(value, "size")))
        {
            return kernelName.StartsWith("/", StringComparison.Ordinal) ? kernelName
                : (isMapper ? "/dev/mapper/" : "/dev/") + kernelName;
        }
        return null;
    }

    /// <summary>
    /// Whether a line of lsblk is a device of the device mapper, whose name is the mapper's and not the kernel's: LVM and LUKS,
    /// multipath, and every other type that is not a disk's.
    /// </summary>
    private static bool IsMapperType(PSObject value) =>
        InputProperties.Text(value, "type") is { } type && type is "lvm" or "crypt" or "mpath" or "dm" or "dmraid" or "verity" or "integrity"
            or "linear" or "striped" or "mirror" or "snapshot" or "thin" or "cache" or "writecache" or "vdo";

    private static string TypeOf(PSObject value) =>
        value.TypeNames.Count > 0 ? value.TypeNames[0] : value.BaseObject.GetType().FullName ?? "object";
}
