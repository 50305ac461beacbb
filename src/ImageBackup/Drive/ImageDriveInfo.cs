using System.Management.Automation;
using ImageBackup.Session;

namespace ImageBackup.Drive;

/// <summary>A drive of the provider ImageBackup.</summary>
internal sealed class ImageDriveInfo(PSDriveInfo drive, string root, BrowsedRepository browsed)
    : PSDriveInfo(drive.Name, drive.Provider, root, drive.Description, null)
{
    public BrowsedRepository Browsed { get; } = browsed;
}
