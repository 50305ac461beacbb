using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>Which of the log's changes are wanted.</summary>
internal enum XfsReplayScope
{
    /// <summary>Of the superblock, the headers of the allocation groups and the B+trees: what says which blocks are free.</summary>
    FreeSpace,

    /// <summary>Of inodes, directories, links and attributes, and of the trees that lead to files' content.</summary>
    Files,
}

/// <summary>
/// The committed changes that are in the log and perhaps not yet in their place: what a mount would write ("XFS
/// Algorithms &amp; Data Structures", Log Items).
/// </summary>
/// <remarks>
/// <para>
/// A buffer that was freed is cancelled: changes of it that were committed before do not come back, for by now it may be
/// a file's content. What a structure of version 5 has by its own account, or a later change of it, is not written over it.
/// </para>
/// <para>
/// Intents are not carried out. Those that free extents (EFI), or keep owners (RUI) or counts of shares (CUI) of blocks, change
/// nothing that a file shows; an extent that a pending one would free stays used: a larger map, not a wrong one. Those
/// that map extents (BUI), set attributes (ATTRI) or exchange contents (XMI) are counted if they were not done. Quotas and
/// lists of unlinked inodes are left out: nothing here reads them.
/// </para>
/// </remarks>
internal sealed class XfsLogReplay
{
    private const ushort ItemInode = 0x123B;
    private const ushort ItemBuffer = 0x123C;
    private const ushort ItemInodeCreation = 0x123F;
    private const ushort ItemMapIntent = 0x1244;
    private const ushort ItemExchangeDone = 0x1249;

    // Of kernels before 2001, of another form.
    private const ushort ItemInodeOld = 0x1239;
    private const ushort ItemBufferOld = 0x123A;

    private const ushort BufferInodes = 0x1;
    private const ushort BufferCancelled = 0x2;
    private const ushort BufferQuota = 0x4 | 0x8 | 0x10;
    private const int BufferTypeShift = 11;
    private const int BufferTypeUnknown = 0;
    private const int BufferTypeBtree = 4;
    private const int BufferTypeHeader = 5;
    private const int BufferTypeInodeHeader = 7;
    private const int BufferTypeFirstDirectory = 10;
    private const int BufferTypeLastDirectory = 15;
    private const int BufferTypeSuperblock = 18;
    private const int BufferMapOffset = 20;
    private const int ChunkBytes = 128;
    private const int SectorBytes = 512;
    private const int InodeCrcOffset = 100;

    /// <summary>A buffer is at most a directory block or a cluster of inodes; more is not believed.</summary>
    private const int MaxBufferBytes = 65536;

    private const int MaxCancelledCount = 1 << 20;
    private const int MaxIntentCount = 1 << 16;
    private const int MaxCreatedBytes = 1 << 20;

    private readonly XfsSuperblock _superblock;
    private readonly XfsReplayScope _scope;
    private readonly XfsReplayedVolume _replayed;
    private readonly Dictionary<long, long> _cancelled = [];
    private readonly Dictionary<long, int> _buffers = [];
    private readonly HashSet<long> _inodes = [];
    private readonly HashSet<(int Kind, ulong Id)> _intents = [];

    private XfsLogReplay(XfsReplayedVolume replayed, XfsSuperblock superblock, XfsReplayScope scope)
    {
        _superblock = superblock;
        _scope = scope;
        _replayed = replayed;
    }

    /// <summary>The volume with the changes over it. Checksums of what was changed fit again.</summary>
    /// <exception cref="FileSystemFormatException">The log is damaged, or holds what is not known.</exception>
    public static XfsReplayedVolume Read(IBlockReader volume, XfsSuperblock superblock, XfsLog log, XfsReplayScope scope, CancellationToken cancellation)
    {
        var replayed = new XfsReplayedVolume(volume);
        var replay = new XfsLogReplay(replayed, superblock, scope);
        long number = 0;
        foreach (XfsLogTransaction transaction in XfsLogTransaction.ReadAll(log, cancellation))
            replay.FindCancelled(transaction, ++number);
        number = 0;
        foreach (XfsLogTransaction transaction in XfsLogTransaction.ReadAll(log, cancellation))
            replay.Apply(transaction, ++number);
        replay.Seal(cancellation);
        replayed.UnfinishedCount = replay._intents.Count;
        return replayed;
    }

    private void FindCancelled(XfsLogTransaction transaction, long number)
    {
        foreach (XfsLogItem item in transaction.Items)
        {
            if (item.Type != ItemBuffer || (LittleEndian.UInt16(item.Region(0), 4) & BufferCancelled) == 0)
                continue;
            _cancelled[LittleEndian.Int63(item.Region(0), 8)] = number;
            if (_cancelled.Count > MaxCancelledCount)
                throw new FileSystemFormatException("xfs: the log frees more structures than are read");
        }
    }

    // Buffers first: they make the inodes that the same transaction changes.
    private void Apply(XfsLogTransaction transaction, long number)
    {
        foreach (XfsLogItem item in transaction.Items)
        {
            if (item.Type == ItemBuffer)
                ApplyBuffer(item, transaction.Lsn, number);
            else if (_scope == XfsReplayScope.Files && item.Type == ItemInodeCreation)
                CreateInodes(item, number);
        }
        if (_scope != XfsReplayScope.Files)
            return;
        foreach (XfsLogItem item in transaction.Items)
        {
            if (item.Type is ItemInodeOld or ItemBufferOld)
                throw new FileSystemFormatException($"xfs: the log holds an item of the unknown type 0x{item.Type:x}");
            if (item.Type == ItemInode)
                ApplyInode(item, transaction.Lsn, number);
            else if (item.Type is >= ItemMapIntent and <= ItemExchangeDone)
                NoteIntent(item);
        }
    }

    private bool IsCancelled(long sector, long number) => _cancelled.TryGetValue(sector, out long last) && number <= last;

    private void ApplyBuffer(XfsLogItem item, ulong lsn, long number)
    {
        byte[] format = item.Region(0);
        ushort flags = LittleEndian.UInt16(format, 4);
        int lengthBytes = LittleEndian.UInt16(format, 6) * SectorBytes;
        long sector = LittleEndian.Int63(format, 8);
        int type = flags >> BufferTypeShift;
        if ((flags & BufferCancelled) != 0 || IsCancelled(sector, number) || !IsWanted(flags, type))
            return;
        uint wordCount = LittleEndian.UInt32(format, 16);
        if (lengthBytes is 0 or > MaxBufferBytes || wordCount > MaxBufferBytes / ChunkBytes / 32 || sector > (_replayed.LengthBytes - lengthBytes) / SectorBytes)
            throw new FileSystemFormatException($"xfs: the log holds a buffer of {lengthBytes} bytes at sector {sector}");
        long offset = sector * SectorBytes;
        // Equal is not newer, as with inodes.
        if (XfsBlockForm.LastLsn(_replayed.ReadExact(offset, SectorBytes), _superblock) > lsn)
            return;

        // A bit for every 128 bytes that changed; runs of them are the regions that follow.
        int bitCount = (int)wordCount * 32;
        int region = 1;
        for (int bit = 0; bit < bitCount;)
        {
            if (!IsSet(format, bit))
            {
                bit++;
                continue;
            }
            int start = bit;
            while (bit < bitCount && IsSet(format, bit))
                bit++;
            int left = (bit - start) * ChunkBytes;
            int inside = start * ChunkBytes;
            // A run may be spread over several regions.
            while (left > 0)
            {
                byte[] bytes = item.Region(region++);
                if (bytes.Length == 0 || bytes.Length > left || inside + bytes.Length > lengthBytes)
                    throw new FileSystemFormatException("xfs: a buffer in the log does not fit its map");
                _replayed.Write(offset + inside, bytes);
                inside += bytes.Length;
                left -= bytes.Length;
            }
        }
        // Of a directory block in several pieces each is a buffer, and the checksum is of them all.
        if (_superblock.DirectoryBlockBits > 0 && type is >= BufferTypeFirstDirectory and <= BufferTypeLastDirectory
            && lengthBytes != _superblock.BlockSizeBytes << _superblock.DirectoryBlockBits)
        {
            _replayed.HasStaleChecksums = true;
        }
        _buffers[offset] = lengthBytes;
    }

    private bool IsWanted(ushort flags, int type)
    {
        if (_scope == XfsReplayScope.Files)
            return (flags & (BufferInodes | BufferQuota)) == 0 && type is BufferTypeUnknown or BufferTypeBtree or > BufferTypeInodeHeader;
        if (type == BufferTypeUnknown && !_superblock.HasChecksums)
            throw new FileSystemFormatException("xfs: the log holds changes of a buffer whose kind it does not tell");
        return type is BufferTypeBtree or BufferTypeHeader or BufferTypeSuperblock;
    }

    // A chunk of new inodes is logged by its place alone: each is empty until an item of its own follows.
    private void CreateInodes(XfsLogItem item, long number)
    {
        byte[] format = item.Region(0);
        uint group = BigEndian.UInt32(format, 4), block = BigEndian.UInt32(format, 8), count = BigEndian.UInt32(format, 12);
        uint inodeBytes = BigEndian.UInt32(format, 16), blockCount = BigEndian.UInt32(format, 20), generation = BigEndian.UInt32(format, 24);
        long lengthBytes = (long)blockCount * _superblock.BlockSizeBytes;
        if (group >= (uint)_superblock.GroupCount || blockCount == 0 || block > _superblock.GroupLengthBlocks((int)group) - blockCount
            || inodeBytes != _superblock.InodeSizeBytes || lengthBytes > MaxCreatedBytes || count != lengthBytes / inodeBytes)
        {
            throw new FileSystemFormatException($"xfs: the log makes {count} inodes in {blockCount} blocks at block {block} of group {group}");
        }
        long offset = _superblock.GroupOffsetBytes((int)group) + (long)block * _superblock.BlockSizeBytes;
        for (long sector = offset / SectorBytes; sector < (offset + lengthBytes) / SectorBytes; sector++)
        {
            if (IsCancelled(sector, number))
                return;
        }
        var inode = new byte[inodeBytes];
        long first = ((long)group << _superblock.GroupBlockBits | block) << _superblock.InodesPerBlockBits;
        for (uint i = 0; i < count; i++)
        {
            Array.Clear(inode, 0, inode.Length);
            BinaryPrimitives.WriteUInt16BigEndian(inode, 0x494E);
            inode[4] = (byte)(_superblock.HasChecksums ? 3 : 2);
            BinaryPrimitives.WriteUInt32BigEndian(inode.AsSpan(92), generation);
            BinaryPrimitives.WriteUInt32BigEndian(inode.AsSpan(96), uint.MaxValue);
            if (_superblock.HasChecksums)
            {
                BinaryPrimitives.WriteUInt64BigEndian(inode.AsSpan(152), (ulong)(first + i));
                _superblock.MetadataUuid.CopyTo(inode, 160);
            }
            _replayed.Write(offset + i * inodeBytes, inode);
            _inodes.Add(offset + i * inodeBytes);
        }
    }

    private void ApplyInode(XfsLogItem item, ulong lsn, long number)
    {
        (long inodeNumber, long bufferSector, int insideBytes) = XfsInodeItem.Place(item);
        if (IsCancelled(bufferSector, number))
            return;
        long group = inodeNumber >> (_superblock.GroupBlockBits + _superblock.InodesPerBlockBits);
        long block = inodeNumber >> _superblock.InodesPerBlockBits & ((1L << _superblock.GroupBlockBits) - 1);
        if (group >= _superblock.GroupCount || block >= _superblock.GroupLengthBlocks((int)group))
            throw new FileSystemFormatException($"xfs: the log changes the inode {inodeNumber}, which does not lie in the file system");
        long offset = _superblock.GroupOffsetBytes((int)group) + block * _superblock.BlockSizeBytes
            + (inodeNumber & ((1L << _superblock.InodesPerBlockBits) - 1)) * _superblock.InodeSizeBytes;
        if (bufferSector != (offset - insideBytes) / SectorBytes || insideBytes is < 0 or >= MaxBufferBytes)
            throw new FileSystemFormatException($"xfs: the log has the inode {inodeNumber} in another place");
        byte[] inode = _replayed.ReadExact(offset, _superblock.InodeSizeBytes);
        if (!XfsInodeItem.Apply(inode, item, lsn, _superblock.HasChecksums))
            return;
        _replayed.Write(offset, inode);
        _inodes.Add(offset);
    }

    private void NoteIntent(XfsLogItem item)
    {
        // Even: begun. Odd: done.
        int kind = item.Type / 2;
        ulong id = LittleEndian.UInt64(item.Region(0), 8);
        if (item.Type % 2 != 0)
            _intents.Remove((kind, id));
        else if (_intents.Count < MaxIntentCount)
            _intents.Add((kind, id));
    }

    private void Seal(CancellationToken cancellation)
    {
        if (!_superblock.HasChecksums)
            return;
        foreach (KeyValuePair<long, int> buffer in _buffers)
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] bytes = _replayed.ReadExact(buffer.Key, buffer.Value);
            if (XfsBlockForm.Of(bytes) is not { } form)
                continue;
            XfsBlockForm.Seal(bytes, form.CrcOffset);
            _replayed.Write(buffer.Key + form.CrcOffset, bytes.AsSpan(form.CrcOffset, 4));
        }
        foreach (long offset in _inodes)
        {
            byte[] inode = _replayed.ReadExact(offset, _superblock.InodeSizeBytes);
            XfsBlockForm.Seal(inode, InodeCrcOffset);
            _replayed.Write(offset + InodeCrcOffset, inode.AsSpan(InodeCrcOffset, 4));
        }
    }

    private static bool IsSet(ReadOnlySpan<byte> format, int bit) =>
        (LittleEndian.UInt32(format, BufferMapOffset + bit / 32 * 4) >> bit % 32 & 1) != 0;
}
