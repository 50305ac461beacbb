using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <content>Directories and files.</content>
internal sealed partial class XfsReader
{
    /// <inheritdoc/>
    /// <remarks>
    /// The log is replayed as a mount does, over the volume: a record that was being written when the machine stopped is left
    /// out. A log that cannot be replayed is told in the notes, and the files are shown as they lie on the volume.
    /// </remarks>
    public IFileTree OpenTree(IBlockReader volume, CancellationToken cancellation)
    {
        XfsSuperblock superblock = XfsSuperblock.Read(volume, _verifiesChecksums);
        XfsVolume.RequireForm(superblock);
        cancellation.ThrowIfCancellationRequested();
        var notes = new List<string>();
        if (superblock.HasRealtimeSection)
            notes.Add("xfs: the files whose content lies in the realtime section cannot be read; all others can.");
        try
        {
            XfsLog log = XfsLog.Open(volume, superblock, dropsTornRecords: true);
            if (!log.IsClean)
                return OpenReplayed(volume, superblock, log, notes, cancellation);
        }
        catch (FileSystemFormatException e)
        {
            notes.Add(NotReplayed(e.Message));
        }
        catch (BlockReadException e) when (!e.IsGone)
        {
            notes.Add(NotReplayed(e.Message));
        }
        return new XfsFileTree(new XfsVolume(volume, new MetadataCache(volume), superblock), notes);
    }

    private static string NotReplayed(string reason) =>
        $"xfs: the log was not replayed ({reason}): what was changed last may be older, missing or damaged.";

    private XfsFileTree OpenReplayed(IBlockReader volume, XfsSuperblock superblock, XfsLog log, List<string> notes, CancellationToken cancellation)
    {
        XfsReplayedVolume replayed = XfsLogReplay.Read(volume, superblock, log, XfsReplayScope.Files, cancellation);
        // The log may hold a newer superblock: growing changes its counts.
        XfsSuperblock current = XfsSuperblock.Read(replayed, _verifiesChecksums);
        if (current.BlockSizeBytes != superblock.BlockSizeBytes || current.InodeSizeBytes != superblock.InodeSizeBytes)
            throw new FileSystemFormatException("xfs: the log's superblock contradicts the volume's");
        List<string> told = [.. notes];
        if (replayed.UnfinishedCount > 0)
            told.Add($"xfs: {replayed.UnfinishedCount} changes of files were begun and not finished. A mount finishes them; here the files are as they were in between.");
        return new XfsFileTree(new XfsVolume(volume, new MetadataCache(replayed), current, replayed.HasStaleChecksums), told);
    }
}
