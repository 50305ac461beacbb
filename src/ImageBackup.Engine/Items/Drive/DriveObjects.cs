using System.Collections.Generic;
using System.Linq;

namespace ImageBackup.Engine.Items.Drive;

/// <summary>The public objects of places on a drive.</summary>
internal static class DriveObjects
{
    /// <summary>
    /// An <see cref="ImageItem"/>, an <see cref="ImageBackupInfo"/> or an <see cref="ImageDriveFolder"/>, new each time: PowerShell hangs
    /// the place's path on the object.
    /// </summary>
    public static object Describe(DriveNode node, DriveTree tree) => node switch
    {
        { Item: { } item } => item.Describe(node.Open!.Source),
        { Image: { } info } => info.Info with { },
        { Volume: { } volume } => Folder("Volume", volume.Name, [volume], tree) with
        {
            ComputerName = node.Computer!.Name,
            Volume = volume.Name,
            VolumeId = volume.VolumeId,
        },
        { Computer: { } computer } => Folder("Computer", computer.Name, computer.Volumes, tree) with { ComputerName = computer.Name },
        _ => Folder("Repository", tree.Location, tree.Volumes(), tree),
    };

    private static ImageDriveFolder Folder(string type, string name, IReadOnlyList<DriveVolume> volumes, DriveTree tree) => new()
    {
        Type = type,
        Name = name,
        ImageCount = volumes.Sum(volume => volume.Images.Count),
        OldestTime = volumes.Count == 0 ? null : volumes.Min(volume => volume.Images.Min(image => image.Info.BackupTime)),
        NewestTime = volumes.Count == 0 ? null : volumes.Max(volume => volume.Images.Max(image => image.Info.BackupTime)),
        Repository = tree.Location,
    };
}
