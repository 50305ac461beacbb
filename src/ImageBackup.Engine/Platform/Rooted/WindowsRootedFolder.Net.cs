using System.IO;

namespace ImageBackup.Engine.Platform.Rooted;

internal sealed partial class WindowsRootedFolder
{
    private static partial void MakeLink(string path, string target) => File.CreateSymbolicLink(path, target);
}
