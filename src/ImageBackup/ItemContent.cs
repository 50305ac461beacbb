using System;
using System.IO;
using System.Management.Automation;
using System.Threading;
using ImageBackup.Drive;
using ImageBackup.Engine.Items.Drive;
using ImageBackup.Session;

namespace ImageBackup;

/// <summary>
/// The content of files in images for what takes a stream (Get-FileHash -InputStream): ImageBackup.Types.ps1xml calls it for the method
/// OpenRead of an object of a drive.
/// </summary>
public static class ItemContent
{
    /// <summary>Opens the file for reading. Its image stays open until the stream is disposed of.</summary>
    /// <param name="item">An object of Get-Item or Get-ChildItem on a drive of images.</param>
    /// <exception cref="ImageBackupException">ParameterInvalid: the object is not of a drive that is there. ItemUnreadable, ImageNotFound, a storage failure.</exception>
    public static Stream OpenRead(PSObject item)
    {
        if (item is null)
            throw new ArgumentNullException(nameof(item));
        if (item.Properties["PSPath"]?.Value is string psPath && psPath.IndexOf("::", StringComparison.Ordinal) is >= 0 and var end)
        {
            string path = psPath.Substring(end + 2);
            foreach (BrowsedRepository browsed in SessionConnection.Browsed)
            {
                if (browsed.Connection.IsConnected && browsed.NamesOf(path) is { } names)
                    return browsed.Tree.OpenContent(names, null, CancellationToken.None);
            }
        }
        throw new ImageBackupException(ErrorId.ParameterInvalid, "Only objects of a drive of images can be opened, and only while it is there: Get-Item gives them.");
    }
}
