namespace ImageBackup.Tests.Kits.FileSystems;

/// <summary>What a snapshot of a frozen volume is: the image's bytes while fsfreeze holds the file system.</summary>
internal static class FrozenCopy
{
    public static void Take(string mountPath, string imagePath, string targetPath)
    {
        Tool.Run("fsfreeze", "-f", mountPath);
        try
        {
            Tool.Run("cp", "--sparse=always", imagePath, targetPath);
        }
        finally
        {
            Tool.Run("fsfreeze", "-u", mountPath);
        }
    }
}
