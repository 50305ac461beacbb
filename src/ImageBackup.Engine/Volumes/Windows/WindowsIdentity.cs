using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using ImageBackup.Engine.Volumes.Windows.Naming;
using ImageBackup.Engine.Volumes.Windows.Native;

namespace ImageBackup.Engine.Volumes.Windows;

/// <summary>Collects what travels with a Windows volume: a letter is given to another disk tomorrow.</summary>
internal static class WindowsIdentity
{
    private const string GuidPrefix = @"\\?\Volume{";

    /// <param name="root">\\?\Volume{guid}\, or a root that is not a volume's name.</param>
    /// <param name="partition">The partition that the volume is, if Windows says so.</param>
    /// <param name="diskId">Its disk's GUID or signature; null: not known.</param>
    public static VolumeIdentity Of(string root, WindowsPartition? partition, string? diskId)
    {
        var facts = new List<IdentityFact?> { OfVolumeName(root) };
        if (partition is { IsGpt: true, Uuid: { } uuid })
            facts.Add(new IdentityFact(IdentityFactKind.GptPartition, diskId + "/" + uuid));
        else if (partition is { IsGpt: false } && diskId is not null)
            facts.Add(new IdentityFact(IdentityFactKind.MbrPartition, diskId + "@" + partition.StartBytes.ToString(CultureInfo.InvariantCulture)));
        return VolumeIdentity.Of(facts.OfType<IdentityFact>());
    }

    public static VolumeIdentity OfFile(string path) => VolumeIdentity.Of([new IdentityFact(IdentityFactKind.File, Path.GetFullPath(path))]);

    /// <summary>The GUID of a volume's name. One of zeros but for the last byte is Wine's, which makes it of the letter.</summary>
    internal static IdentityFact? OfVolumeName(string name)
    {
        if (!name.StartsWith(GuidPrefix, StringComparison.OrdinalIgnoreCase) || name.IndexOf('}') is var end && end < 0
            || !Guid.TryParse(name.Substring(GuidPrefix.Length, end - GuidPrefix.Length), out Guid guid))
            return null;
        byte[] bytes = guid.ToByteArray();
        return bytes.Take(bytes.Length - 1).All(b => b == 0) ? null : new IdentityFact(IdentityFactKind.WindowsVolume, guid.ToString("D"));
    }

    public static string? DiskIdOf(IVolumeControl volume)
    {
        if (WindowsPartition.DiskNumberOf(volume) is not { } number)
            return null;
        using WindowsHandle? disk = WindowsHandle.Open(
            @"\\.\PhysicalDrive" + number.ToString(CultureInfo.InvariantCulture), 0, Kernel32.FILE_SHARE_READ | Kernel32.FILE_SHARE_WRITE, Kernel32.OPEN_EXISTING, 0, out _);
        return disk is null ? null : WindowsPartition.DiskIdOf(disk);
    }
}
