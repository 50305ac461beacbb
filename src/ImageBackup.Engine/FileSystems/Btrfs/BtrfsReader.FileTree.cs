using System;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <content>Directories and files.</content>
internal sealed partial class BtrfsReader
{
    private const string WholeCopySuffix = ": copied whole";

    public IFileTree OpenTree(IBlockReader volume, CancellationToken cancellation)
    {
        try
        {
            return BtrfsFileTree.Open(volume, BtrfsSuperblock.Read(volume, _verifiesChecksums), cancellation);
        }
        catch (FileSystemFormatException e) when (e.Message.EndsWith(WholeCopySuffix, StringComparison.Ordinal))
        {
            // Said to the one who makes an image; here nothing is copied.
            throw new FileSystemFormatException(e.Message.Substring(0, e.Message.Length - WholeCopySuffix.Length), e);
        }
    }
}
