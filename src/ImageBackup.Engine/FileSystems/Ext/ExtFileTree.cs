using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Ext;

/// <summary>The files of ext2, ext3 and ext4. A file's id is its inode's number.</summary>
internal sealed class ExtFileTree : IFileTree
{
    private const uint RootInode = 2;
    private const string EncryptedReason = "it is encrypted by fscrypt";

    /// <summary>The longest target that Linux takes.</summary>
    private const int MaxLinkBytes = 65_536;

    /// <summary>Names that are read before their inodes: a few at first, so that a listing begins soon.</summary>
    private const int MinBatch = 256;
    private const int MaxBatch = 1 << 18;

    private readonly ExtVolume _volume;

    /// <exception cref="FileSystemFormatException">It has no root directory.</exception>
    public ExtFileTree(ExtVolume volume, IReadOnlyList<string> notes)
    {
        _volume = volume;
        Notes = notes;
        ExtInode root = volume.Inode(RootInode);
        if (root.Kind != FileTreeKind.Directory)
            throw new FileSystemFormatException("ext: the root directory's inode is not a directory");
        Root = Entry("", root);
    }

    public FileTreeEntry Root { get; }
    public IReadOnlyList<string> Notes { get; }
    public bool IgnoresCase => false;

    public IEnumerable<FileTreeEntry> List(FileTreeEntry directory, CancellationToken cancellation)
    {
        // A hash tree has the names in an order of its own; their inodes are read in the order in which they lie on the volume.
        var batch = new List<(string Name, uint Inode)>();
        ExceptionDispatchInfo? failure = null;
        using IEnumerator<(string, uint)> names = ExtDirectory.Read(_volume, DirectoryInode(directory), cancellation).GetEnumerator();
        int size = MinBatch;
        for (bool more = true; more; size = Math.Min(MaxBatch, 4 * size))
        {
            batch.Clear();
            try
            {
                while (more && batch.Count < size)
                {
                    more = names.MoveNext();
                    if (more)
                        batch.Add(names.Current);
                }
            }
            catch (Exception e) when (e is FileSystemFormatException or BlockReadException)
            {
                failure = ExceptionDispatchInfo.Capture(e);
                more = false;
            }
            batch.Sort((a, b) => a.Inode.CompareTo(b.Inode));
            foreach ((string name, uint inode) in batch)
                yield return Entry(name, inode);
            failure?.Throw();
        }
    }

    public FileTreeEntry? Find(FileTreeEntry directory, string name, CancellationToken cancellation)
    {
        foreach ((string found, uint inode) in ExtDirectory.Read(_volume, DirectoryInode(directory), cancellation))
        {
            if (found == name)
                return Entry(found, inode);
        }
        return null;
    }

    public ISparseBlockReader OpenData(FileTreeEntry file, string? stream = null)
    {
        if (stream is not null)
            throw new FileSystemFormatException("ext: files have no named streams");
        ExtInode inode = _volume.Inode(file.FileId);
        if (inode.Kind != FileTreeKind.File)
            throw new FileSystemFormatException($"ext: inode {inode.Number} is not a file");
        RequirePlain(inode);
        return inode.HasInlineData ? new InlineFileData(InlineData(inode)) : Content(inode);
    }

    public string ReadLink(FileTreeEntry link)
    {
        ExtInode inode = _volume.Inode(link.FileId);
        if (inode.Kind != FileTreeKind.SymbolicLink)
            throw new FileSystemFormatException($"ext: inode {inode.Number} is not a link");
        RequirePlain(inode);
        if (inode.SizeBytes > MaxLinkBytes)
            throw new FileSystemFormatException($"ext: the link {inode.Number} has a target of {inode.SizeBytes} bytes");
        if (inode.HasInlineData)
            return UnixFileName.Decode(InlineData(inode));
        if (inode.SizeBytes < ExtInode.MapLengthBytes)
            return UnixFileName.Decode(inode.Map.Slice(0, (int)inode.SizeBytes));
        var target = new byte[inode.SizeBytes];
        using ExtFileContent content = Content(inode);
        content.ReadAt(0, target);
        return UnixFileName.Decode(target);
    }

    public IReadOnlyList<FileTreeStream> ListStreams(FileTreeEntry entry) => [];

    public IReadOnlyList<FileTreeAttribute> ListExtendedAttributes(FileTreeEntry entry) => ExtAttributes.List(_volume, _volume.Inode(entry.FileId));

    private ExtInode DirectoryInode(FileTreeEntry directory)
    {
        ExtInode inode = _volume.Inode(directory.FileId);
        if (inode.Kind != FileTreeKind.Directory)
            throw new FileSystemFormatException($"ext: inode {inode.Number} is not a directory");
        RequirePlain(inode);
        return inode;
    }

    private static void RequirePlain(ExtInode inode)
    {
        if (inode.IsEncrypted)
            throw new FileSystemFormatException($"ext: inode {inode.Number} cannot be read: {EncryptedReason}");
    }

    private ExtFileContent Content(ExtInode inode)
    {
        ExtBlockMap map = ExtBlockMap.Of(_volume, inode);
        if (inode.SizeBytes / _volume.BlockSizeBytes > map.MaxBlockCount)
            throw new FileSystemFormatException($"ext: inode {inode.Number} has a size of {inode.SizeBytes} bytes, which is more than a file can have");
        return new ExtFileContent(_volume, map, inode.SizeBytes);
    }

    // The block map's bytes, and the rest as an attribute.
    private byte[] InlineData(ExtInode inode)
    {
        byte[] rest = ExtAttributes.InlineRest(_volume, inode) ?? [];
        if (inode.SizeBytes > ExtInode.MapLengthBytes + rest.Length)
            throw new FileSystemFormatException($"ext: the inline data of inode {inode.Number} is shorter than its size of {inode.SizeBytes} bytes");
        var data = new byte[inode.SizeBytes];
        int first = Math.Min(data.Length, ExtInode.MapLengthBytes);
        inode.Map.Slice(0, first).CopyTo(data);
        rest.AsSpan(0, data.Length - first).CopyTo(data.AsSpan(first));
        return data;
    }

    // One inode that cannot be read must not hide its neighbours.
    private FileTreeEntry Entry(string name, uint number)
    {
        try
        {
            return Entry(name, _volume.Inode(number));
        }
        catch (Exception e) when (e is FileSystemFormatException or BlockReadException)
        {
            return new FileTreeEntry { Name = name, Kind = FileTreeKind.Other, FileId = number, Refusal = $"its inode cannot be read ({e.Message})" };
        }
    }

    private FileTreeEntry Entry(string name, ExtInode inode)
    {
        FileTreeKind kind = inode.Kind;
        return new FileTreeEntry
        {
            Name = name,
            Kind = kind,
            FileId = inode.Number,
            SizeBytes = kind is FileTreeKind.File or FileTreeKind.SymbolicLink ? inode.SizeBytes : 0,
            AllocatedBytes = inode.AllocatedBytes(_volume.BlockSizeBytes),
            LinkCount = inode.LinkCount,
            Modified = inode.Modified,
            Accessed = inode.Accessed,
            Changed = inode.Changed,
            Created = inode.Created,
            Permissions = inode.Mode & 0xFFF,
            UserId = inode.UserId,
            GroupId = inode.GroupId,
            Device = kind is FileTreeKind.BlockDevice or FileTreeKind.CharacterDevice ? inode.Device : null,
            Refusal = kind == FileTreeKind.Other ? $"its inode {inode.Number} is of no known type" : inode.IsEncrypted ? EncryptedReason : null,
        };
    }
}
