using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Xfs;

/// <summary>The directories and files of an XFS volume.</summary>
internal sealed class XfsFileTree : IFileTree
{
    private const uint LinkMagic = 0x58534C4D; // XSLM
    private const int MaxLinkBytes = 1024;
    private const string RealtimeRefusal = "its content lies in a realtime section";

    private readonly XfsVolume _xfs;

    /// <param name="xfs">The volume.</param>
    /// <param name="notes">As <see cref="Notes"/>.</param>
    /// <exception cref="FileSystemFormatException">The root directory is damaged.</exception>
    public XfsFileTree(XfsVolume xfs, IReadOnlyList<string> notes)
    {
        _xfs = xfs;
        Notes = notes;
        Root = Describe("", xfs.Superblock.RootInode);
        if (Root.Kind != FileTreeKind.Directory)
            throw new FileSystemFormatException("xfs: the root is not a directory");
    }

    public FileTreeEntry Root { get; }
    public IReadOnlyList<string> Notes { get; }
    public bool IgnoresCase => false;

    public IEnumerable<FileTreeEntry> List(FileTreeEntry directory, CancellationToken cancellation)
    {
        foreach (XfsName name in XfsDirectory.List(_xfs, Directory(directory), cancellation))
            yield return Describe(name);
    }

    public FileTreeEntry? Find(FileTreeEntry directory, string name, CancellationToken cancellation)
    {
        XfsInode inode = Directory(directory);
        // Without the log's changes the hashes and the data may not fit each other.
        if (Notes.Count == 0 && !_xfs.Superblock.IgnoresCase && XfsNameHashes.Has(_xfs, inode))
        {
            try
            {
                return XfsNameHashes.Find(_xfs, inode, UnixFileName.Encode(name)) is { } hashed ? Describe(hashed) : null;
            }
            catch (ArgumentException)
            {
                // No bytes of a name are read as this text.
                return null;
            }
            catch (FileSystemFormatException)
            {
                // Then one by one.
            }
        }
        foreach (XfsName found in XfsDirectory.List(_xfs, inode, cancellation))
        {
            if (found.Name == name)
                return Describe(found);
        }
        return null;
    }

    public ISparseBlockReader OpenData(FileTreeEntry file, string? stream = null)
    {
        if (stream is not null)
            throw new FileSystemFormatException($"xfs: '{file.Name}' has no stream '{stream}'");
        if (file.Kind != FileTreeKind.File)
            throw new FileSystemFormatException($"xfs: '{file.Name}' is not a file");
        XfsInode inode = _xfs.ReadInode(Number(file));
        if ((inode.Flags & XfsInode.RealtimeFlag) != 0)
            throw new FileSystemFormatException($"xfs: '{file.Name}' cannot be read: {RealtimeRefusal}");
        return new ExtentFileData(_xfs.Volume, inode.SizeBytes, inode.SizeBytes, _xfs.ReadExtents(inode.Data));
    }

    public string ReadLink(FileTreeEntry link)
    {
        if (link.Kind != FileTreeKind.SymbolicLink)
            throw new FileSystemFormatException($"xfs: '{link.Name}' is not a link");
        XfsInode inode = _xfs.ReadInode(Number(link));
        XfsFork fork = inode.Data;
        if (inode.SizeBytes > MaxLinkBytes)
            throw new FileSystemFormatException($"xfs: the target of '{link.Name}' is too long");
        int length = (int)inode.SizeBytes;
        if (fork.Format == XfsForkFormat.Local)
            return UnixFileName.Decode(StructureBounds.Field(fork.Bytes.Span, 0, length));
        var target = new byte[length];
        using ExtentFileData data = _xfs.OpenStructures(fork, long.MaxValue);
        XfsRemote.ReadExtents(_xfs, data, _xfs.ReadExtents(fork), LinkMagic, target);
        return UnixFileName.Decode(target);
    }

    public IReadOnlyList<FileTreeStream> ListStreams(FileTreeEntry entry) => [];

    public IReadOnlyList<FileTreeAttribute> ListExtendedAttributes(FileTreeEntry entry) => XfsAttributes.Read(_xfs, _xfs.ReadInode(Number(entry)));

    private static long Number(FileTreeEntry entry) =>
        entry.Handle is long number ? number : throw new ArgumentException("The entry is not of this tree.", nameof(entry));

    private XfsInode Directory(FileTreeEntry directory)
    {
        if (directory.Kind != FileTreeKind.Directory)
            throw new FileSystemFormatException($"xfs: '{directory.Name}' is not a directory");
        XfsInode inode = _xfs.ReadInode(Number(directory));
        return inode.Kind == FileTreeKind.Directory
            ? inode
            : throw new FileSystemFormatException($"xfs: '{directory.Name}' is not a directory");
    }

    private FileTreeEntry Describe(XfsName name)
    {
        try
        {
            return Describe(name.Name, name.Inode);
        }
        catch (FileSystemFormatException e)
        {
            return new FileTreeEntry
            {
                Name = name.Name,
                Kind = UnixFileType.OfDirectoryEntry(name.Type),
                FileId = (ulong)name.Inode,
                Refusal = $"its inode is damaged ({e.Message})",
                Handle = name.Inode,
            };
        }
    }

    private FileTreeEntry Describe(string name, long number)
    {
        XfsInode inode = _xfs.ReadInode(number);
        bool hasContent = inode.Kind is FileTreeKind.File or FileTreeKind.SymbolicLink;
        return new FileTreeEntry
        {
            Name = name,
            Kind = inode.Kind,
            FileId = (ulong)number,
            SizeBytes = hasContent ? inode.SizeBytes : 0,
            AllocatedBytes = hasContent && inode.BlockCount <= _xfs.Superblock.BlockCount ? inode.BlockCount * _xfs.Superblock.BlockSizeBytes : null,
            LinkCount = inode.LinkCount,
            UserId = inode.UserId,
            GroupId = inode.GroupId,
            Permissions = inode.Mode & 0xFFF,
            Modified = inode.Modified,
            Accessed = inode.Accessed,
            Changed = inode.Changed,
            Created = inode.Created,
            Device = inode.Kind is FileTreeKind.BlockDevice or FileTreeKind.CharacterDevice ? inode.Device : null,
            Refusal = inode.Kind == FileTreeKind.File && (inode.Flags & XfsInode.RealtimeFlag) != 0 ? RealtimeRefusal : null,
            Handle = number,
        };
    }
}
