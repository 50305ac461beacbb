using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>ext2, ext3 and ext4: used blocks by the block bitmaps, and files, with the journal's unwritten changes applied.</summary>
/// <remarks>A journal device of its own ("jbd") is all used.</remarks>
internal sealed class ExtReader : IFlushAwareReader, IFileTreeReader
{
    private readonly bool _verifiesChecksums;

    public ExtReader() : this(verifiesChecksums: true)
    {
    }

    /// <summary>Without checksums a fuzzer gets past the first structure.</summary>
    internal ExtReader(bool verifiesChecksums) => _verifiesChecksums = verifiesChecksums;

    public FileSystemDescription? Probe(IBlockReader volume) =>
        volume.TryRead(ExtSuperblock.OffsetBytes, ExtSuperblock.LengthBytes) is { } bytes ? ExtSuperblock.Describe(bytes) : null;

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        ReadUsedRanges(volume, isFlushed: false, cancellation);

    /// <inheritdoc/>
    /// <remarks>
    /// Flushed: every committed change has reached its place, or is what a read of the mounted device returns; the
    /// journal is not asked. The log's own blocks, read beside the running driver, may be older than the disk's.
    /// </remarks>
    public UsedRangeMap ReadUsedRanges(IBlockReader volume, bool isFlushed, CancellationToken cancellation)
    {
        byte[] bytes = volume.ReadExact(ExtSuperblock.OffsetBytes, ExtSuperblock.LengthBytes);
        if (ExtSuperblock.HasMagic(bytes) && ExtSuperblock.IsJournalDevice(bytes))
            return UsedRangeBuilder.Whole(volume.LengthBytes, 1024 << (int)Math.Min(6, LittleEndian.UInt32(bytes, 0x18)));
        ExtSuperblock superblock = ExtSuperblock.Parse(bytes, volume.LengthBytes, _verifiesChecksums);
        if (superblock.HasErrors)
            throw new FileSystemFormatException("ext: the file system is marked as having errors");
        if (isFlushed)
            return new ExtUsedRangeScan(volume, superblock, journal: null).Run(cancellation);
        if (!superblock.WasUnmounted && !superblock.NeedsRecovery)
            throw new FileSystemFormatException("ext: not cleanly unmounted, and no journal tells which blocks are free");
        if (!superblock.NeedsRecovery)
            return new ExtUsedRangeScan(volume, superblock, journal: null).Run(cancellation);
        if (!superblock.HasJournal)
            throw new FileSystemFormatException("ext: needs recovery but has no journal");

        // Mounted right now, the log moves on while it is read: another reading finds it whole.
        const int attempts = 3;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                ExtJournal journal = ExtJournal.Read(volume, superblock, cancellation);
                return new ExtUsedRangeScan(volume, Replayed(volume, superblock, journal), journal).Run(cancellation);
            }
            catch (FileSystemFormatException) when (attempt < attempts)
            {
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>Checksums of inodes and directories are not asked for: a file with a wrong one is worth more than none.</remarks>
    public IFileTree OpenTree(IBlockReader volume, CancellationToken cancellation)
    {
        byte[] bytes = volume.ReadExact(ExtSuperblock.OffsetBytes, ExtSuperblock.LengthBytes);
        if (ExtSuperblock.HasMagic(bytes) && ExtSuperblock.IsJournalDevice(bytes))
            throw new FileSystemFormatException("ext: a journal of another device holds no files");
        ExtSuperblock superblock = ExtSuperblock.Parse(bytes, volume.LengthBytes, _verifiesChecksums);
        var notes = new List<string>();
        if (superblock.HasErrors)
            notes.Add("The file system is marked as having errors.");
        if (superblock.NeedsRecovery)
        {
            try
            {
                ExtJournal journal = ExtJournal.Read(volume, superblock, cancellation);
                if (journal.Count > 0)
                {
                    var replayed = new ExtReplayedVolume(volume, journal, superblock.BlockSizeBytes);
                    bytes = replayed.ReadExact(ExtSuperblock.OffsetBytes, ExtSuperblock.LengthBytes);
                    volume = replayed;
                }
            }
            catch (FileSystemFormatException e)
            {
                notes.Add($"The journal was not replayed ({e.Message}): what was written last may be older, missing or damaged.");
            }
        }
        else if (!superblock.WasUnmounted)
            notes.Add("The file system was not unmounted, and has no journal: what was written last may be older, missing or damaged.");
        ExtSuperblock current = ExtSuperblock.Parse(bytes, volume.LengthBytes, verifiesChecksums: false);
        if (current.BlockSizeBytes != superblock.BlockSizeBytes)
            throw new FileSystemFormatException("ext: the journal's superblock contradicts the file system's");
        return new ExtFileTree(new ExtVolume(volume, current), notes);
    }

    // The log may hold a newer superblock: an online resize changes its counts.
    private ExtSuperblock Replayed(IBlockReader volume, ExtSuperblock superblock, ExtJournal journal)
    {
        var block = new byte[superblock.BlockSizeBytes];
        if (!journal.TryRead(superblock.SuperblockBlock, block))
            return superblock;
        ReadOnlySpan<byte> bytes = block.AsSpan((int)(ExtSuperblock.OffsetBytes % superblock.BlockSizeBytes), ExtSuperblock.LengthBytes);
        ExtSuperblock replayed = ExtSuperblock.Parse(bytes, volume.LengthBytes, _verifiesChecksums);
        if (replayed.BlockSizeBytes != superblock.BlockSizeBytes || replayed.HasErrors)
            throw new FileSystemFormatException("ext: the journal's superblock contradicts the file system's, or is marked as having errors");
        return replayed;
    }
}
