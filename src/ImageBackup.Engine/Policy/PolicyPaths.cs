using System.IO;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Engine.Policy;

/// <summary>
/// Where a machine keeps its policy unless told otherwise: <c>/etc/imagebackup/</c> on Linux and
/// <c>%ProgramData%\ImageBackup\</c> on Windows.
/// </summary>
internal static class PolicyPaths
{
    public static string Folder { get; } = MachineFolders.Configuration;

    public static string Rules { get; } = Path.Combine(Folder, "image.rules");
    public static string Classes { get; } = Path.Combine(Folder, "classes.json");

    /// <summary>The defaults of Set-SnapshotProvider.</summary>
    public static string Snapshots { get; } = Path.Combine(Folder, "snapshots.json");
}
