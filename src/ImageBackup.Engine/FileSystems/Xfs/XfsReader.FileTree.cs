using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <content>Directories and files.</content>
internal sealed partial class XfsReader
{
    private const string WholeCopySuffix = ": copied whole";

    public IFileTree OpenTree(IBlockReader volume, CancellationToken cancellation)
    {
        try
        {
            XfsSuperblock superblock = XfsSuperblock.Read(volume, _verifiesChecksums);
            cancellation.ThrowIfCancellationRequested();
            return new XfsFileTree(new XfsVolume(volume, new MetadataCache(volume), superblock), ReadNotes(volume, superblock));
        }
        catch (FileSystemFormatException e) when (e.Message.EndsWith(WholeCopySuffix, StringComparison.Ordinal))
        {
            // Said to the one who makes an image; here nothing is copied.
            throw new FileSystemFormatException(e.Message.Substring(0, e.Message.Length - WholeCopySuffix.Length), e);
        }
    }

    // The replay that there is knows the structures of free space only.
    private static IReadOnlyList<string> ReadNotes(IBlockReader volume, XfsSuperblock superblock)
    {
        try
        {
            return XfsLog.Open(volume, superblock).IsClean ? [] :
                ["xfs: the volume was not taken off cleanly. Its log was not replayed: what was changed last may be missing or damaged."];
        }
        catch (FileSystemFormatException e)
        {
            return [$"xfs: it is not known whether the log holds changes that were not written ({e.Message})."];
        }
    }
}
