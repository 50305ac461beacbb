using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Checksums;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Btrfs;

/// <summary>
/// The directories and files of a btrfs volume, from its top level on, whatever its default subvolume is. Subvolumes and snapshots are
/// directories where they hang.
/// </summary>
internal sealed class BtrfsFileTree : IFileTree
{
    private const ulong TopLevelId = 5;
    private const ulong ChecksumTreeId = 7;
    private const ulong RootTreeId = 1;

    /// <summary>The inode of the empty directory that stands for a subvolume which is not part of a snapshot.</summary>
    private const ulong EmptySubvolumeInode = 2;

    private const int InodeLengthBytes = 160;
    private const ulong InodeHasNoChecksums = 0x1;
    private const int RootGenerationOffset = 160;
    private const int RootDirectoryOffset = 168;
    private const int RootAddressOffset = 176;
    private const int RootLevelOffset = 238;
    private const int NameHeaderBytes = 30;
    private const int ExtentHeaderBytes = 21;
    private const int RegularExtentBytes = 53;
    private const byte ExtentInline = 0;
    private const byte ExtentRegular = 1;
    private const byte ExtentPreallocated = 2;
    private const int MaxLinkBytes = 4096;
    private const int MaxExtentCount = 1 << 22;
    private const uint NameHashSeed = 0xFFFFFFFE;

    private readonly BtrfsItems _items;
    private readonly BtrfsDataReader _data;
    private readonly BtrfsRoot _rootTree;

    private BtrfsFileTree(IBlockReader volume, BtrfsSuperblock superblock, BtrfsChunkMap chunks)
    {
        _items = new BtrfsItems(new BtrfsNodeReader(volume, superblock, chunks));
        _rootTree = new BtrfsRoot(RootTreeId, superblock.RootTree, superblock.RootLevel, superblock.Generation, 0);
        _data = new BtrfsDataReader(volume, superblock, chunks, _items, FindRoot(ChecksumTreeId));
        BtrfsRoot top = FindRoot(TopLevelId) ?? throw new FileSystemFormatException("btrfs: there is no tree of files");
        Root = Describe("", top, top.DirectoryId);
        if (Root.Kind != FileTreeKind.Directory)
            throw new FileSystemFormatException("btrfs: the top level is not a directory");
        Notes = superblock.LogTree == 0 ? [] :
            ["btrfs: the volume was not taken off cleanly. Its log was not replayed: what was synced since its last commit is missing."];
    }

    /// <summary>What an entry is found again by; a null root: the empty directory of a subvolume that is not here.</summary>
    private sealed record Place(BtrfsRoot? Root, ulong Inode);

    private readonly record struct DirectoryName(BtrfsKey Location, string Name, byte Type);

    public FileTreeEntry Root { get; }
    public IReadOnlyList<string> Notes { get; }
    public bool IgnoresCase => false;

    /// <exception cref="FileSystemFormatException">Damaged, or of several devices.</exception>
    public static BtrfsFileTree Open(IBlockReader volume, BtrfsSuperblock superblock, CancellationToken cancellation)
    {
        var chunks = new BtrfsChunkMap(superblock);
        var tree = new BtrfsTree(volume, superblock, chunks, cancellation);
        tree.Walk(superblock.ChunkTree, superblock.ChunkLevel, superblock.ChunkGeneration, (key, item) =>
        {
            if (key.Type == BtrfsKey.ChunkItem)
                chunks.Add(key, item);
        });
        chunks.Sort();
        return new BtrfsFileTree(volume, superblock, chunks);
    }

    public IEnumerable<FileTreeEntry> List(FileTreeEntry directory, CancellationToken cancellation)
    {
        Place place = DirectoryPlace(directory);
        if (place.Root is null)
            yield break;
        foreach (BtrfsItem item in _items.Range(
            place.Root, new BtrfsKey(place.Inode, BtrfsKey.DirectoryIndex, 0), new BtrfsKey(place.Inode, BtrfsKey.DirectoryIndex, ulong.MaxValue), cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (DirectoryName name in ReadNames(item.Bytes))
                yield return Describe(name, place);
        }
    }

    public FileTreeEntry? Find(FileTreeEntry directory, string name, CancellationToken cancellation)
    {
        Place place = DirectoryPlace(directory);
        byte[] bytes;
        try
        {
            bytes = UnixFileName.Encode(name);
        }
        catch (ArgumentException)
        {
            return null;
        }
        if (place.Root is null || _items.Find(place.Root, new BtrfsKey(place.Inode, BtrfsKey.DirectoryItem, Crc32C.Update(NameHashSeed, bytes))) is not { } item)
            return null;
        foreach (DirectoryName found in ReadNames(item.Bytes))
        {
            if (found.Name == name)
                return Describe(found, place);
        }
        return null;
    }

    public ISparseBlockReader OpenData(FileTreeEntry file, string? stream = null)
    {
        if (stream is not null)
            throw new FileSystemFormatException($"btrfs: '{file.Name}' has no stream '{stream}'");
        if (file.Kind != FileTreeKind.File)
            throw new FileSystemFormatException($"btrfs: '{file.Name}' is not a file");
        return OpenContent(GetPlace(file));
    }

    public string ReadLink(FileTreeEntry link)
    {
        if (link.Kind != FileTreeKind.SymbolicLink)
            throw new FileSystemFormatException($"btrfs: '{link.Name}' is not a link");
        using BtrfsFileData data = OpenContent(GetPlace(link));
        if (data.LengthBytes > MaxLinkBytes)
            throw new FileSystemFormatException($"btrfs: the target of '{link.Name}' is too long");
        var bytes = new byte[(int)data.LengthBytes];
        data.ReadAt(0, bytes);
        return UnixFileName.Decode(bytes);
    }

    public IReadOnlyList<FileTreeStream> ListStreams(FileTreeEntry entry) => [];

    public IReadOnlyList<FileTreeAttribute> ListExtendedAttributes(FileTreeEntry entry)
    {
        Place place = GetPlace(entry);
        var attributes = new List<FileTreeAttribute>();
        if (place.Root is null)
            return attributes;
        foreach (BtrfsItem item in _items.Range(
            place.Root, new BtrfsKey(place.Inode, BtrfsKey.ExtendedAttributeItem, 0),
            new BtrfsKey(place.Inode, BtrfsKey.ExtendedAttributeItem, ulong.MaxValue), CancellationToken.None))
        {
            for (ReadOnlyMemory<byte> rest = item.Bytes; rest.Length > 0;)
            {
                int valueLength = LittleEndian.UInt16(rest.Span, 25);
                int nameLength = LittleEndian.UInt16(rest.Span, 27);
                attributes.Add(new FileTreeAttribute(
                    UnixFileName.Decode(StructureBounds.Field(rest.Span, NameHeaderBytes, nameLength)),
                    StructureBounds.Field(rest.Span, NameHeaderBytes + nameLength, valueLength).ToArray()));
                rest = rest.Slice(NameHeaderBytes + nameLength + valueLength);
            }
        }
        return attributes;
    }

    private static Place GetPlace(FileTreeEntry entry) =>
        entry.Handle as Place ?? throw new ArgumentException("The entry is not of this tree.", nameof(entry));

    private static Place DirectoryPlace(FileTreeEntry entry) => entry.Kind == FileTreeKind.Directory
        ? GetPlace(entry)
        : throw new FileSystemFormatException($"btrfs: '{entry.Name}' is not a directory");

    private BtrfsRoot? FindRoot(ulong id)
    {
        if (_items.Floor(_rootTree, new BtrfsKey(id, BtrfsKey.RootItem, ulong.MaxValue)) is not { } found
            || found.Key.ObjectId != id || found.Key.Type != BtrfsKey.RootItem)
        {
            return null;
        }
        ReadOnlySpan<byte> item = found.Bytes.Span;
        return new BtrfsRoot(id, LittleEndian.Int63(item, RootAddressOffset), LittleEndian.UInt8(item, RootLevelOffset),
            LittleEndian.UInt64(item, RootGenerationOffset), LittleEndian.UInt64(item, RootDirectoryOffset));
    }

    // Names whose hashes are alike share an item.
    private static List<DirectoryName> ReadNames(ReadOnlyMemory<byte> item)
    {
        var names = new List<DirectoryName>(1);
        while (item.Length > 0)
        {
            ReadOnlySpan<byte> bytes = item.Span;
            int dataLength = LittleEndian.UInt16(bytes, 25);
            int nameLength = LittleEndian.UInt16(bytes, 27);
            ReadOnlySpan<byte> name = StructureBounds.Field(bytes, NameHeaderBytes, nameLength);
            StructureBounds.Field(bytes, NameHeaderBytes + nameLength, dataLength);
            names.Add(new DirectoryName(BtrfsKey.Read(bytes, 0), UnixFileName.Decode(name), LittleEndian.UInt8(bytes, 29)));
            item = item.Slice(NameHeaderBytes + nameLength + dataLength);
        }
        return names;
    }

    private FileTreeEntry Describe(DirectoryName name, Place directory)
    {
        try
        {
            if (name.Location.Type != BtrfsKey.RootItem)
                return Describe(name.Name, directory.Root!, name.Location.ObjectId);
            return IsSubvolumeOf(directory, name) && FindRoot(name.Location.ObjectId) is { } root
                ? Describe(name.Name, root, root.DirectoryId)
                : new FileTreeEntry
                {
                    Name = name.Name,
                    Kind = FileTreeKind.Directory,
                    FileId = EmptySubvolumeInode,
                    VolumePart = directory.Root!.Id,
                    Permissions = 0x1ED,
                    Handle = new Place(null, EmptySubvolumeInode),
                };
        }
        catch (FileSystemFormatException e)
        {
            return new FileTreeEntry
            {
                Name = name.Name,
                Kind = UnixFileType.OfDirectoryEntry(name.Type),
                FileId = name.Location.ObjectId,
                VolumePart = directory.Root!.Id,
                Refusal = $"its inode is damaged ({e.Message})",
                Handle = new Place(directory.Root, name.Location.ObjectId),
            };
        }
    }

    // A snapshot of what a subvolume hangs in has its name only: it hangs where the tree of roots says.
    private bool IsSubvolumeOf(Place directory, DirectoryName name)
    {
        if (_items.Find(_rootTree, new BtrfsKey(directory.Root!.Id, BtrfsKey.RootReference, name.Location.ObjectId)) is not { } reference)
            return false;
        ReadOnlySpan<byte> bytes = reference.Bytes.Span;
        return LittleEndian.UInt64(bytes, 0) == directory.Inode
            && UnixFileName.Decode(StructureBounds.Field(bytes, 18, LittleEndian.UInt16(bytes, 16))) == name.Name;
    }

    private ReadOnlyMemory<byte> ReadInode(BtrfsRoot root, ulong inode) =>
        _items.Find(root, new BtrfsKey(inode, BtrfsKey.InodeItem, 0)) is { Bytes.Length: >= InodeLengthBytes } item
            ? item.Bytes
            : throw new FileSystemFormatException($"btrfs: there is no inode {inode}");

    private FileTreeEntry Describe(string name, BtrfsRoot root, ulong number)
    {
        ReadOnlySpan<byte> inode = ReadInode(root, number).Span;
        uint mode = LittleEndian.UInt32(inode, 52);
        FileTreeKind kind = UnixFileType.OfMode(mode);
        if (kind == FileTreeKind.Other)
            throw new FileSystemFormatException($"btrfs: the inode {number} has the mode 0x{mode:x}");
        bool hasContent = kind is FileTreeKind.File or FileTreeKind.SymbolicLink;
        ulong device = LittleEndian.UInt64(inode, 56);
        return new FileTreeEntry
        {
            Name = name,
            Kind = kind,
            FileId = number,
            VolumePart = root.Id,
            SizeBytes = hasContent ? LittleEndian.Int63(inode, 16) : 0,
            AllocatedBytes = hasContent ? LittleEndian.Int63(inode, 24) : null,
            LinkCount = LittleEndian.UInt32(inode, 40),
            UserId = LittleEndian.UInt32(inode, 44),
            GroupId = LittleEndian.UInt32(inode, 48),
            Permissions = (int)(mode & 0xFFF),
            Accessed = Time(inode, 112),
            Changed = Time(inode, 124),
            Modified = Time(inode, 136),
            Created = Time(inode, 148),
            Device = kind is FileTreeKind.BlockDevice or FileTreeKind.CharacterDevice ? ((uint)(device >> 20), (uint)(device & 0xFFFFF)) : null,
            Handle = new Place(root, number),
        };
    }

    private static FileTreeTime Time(ReadOnlySpan<byte> inode, int offset) =>
        new((long)LittleEndian.UInt64(inode, offset), (int)Math.Min(LittleEndian.UInt32(inode, offset + 8), 999_999_999));

    private BtrfsFileData OpenContent(Place place)
    {
        BtrfsRoot root = place.Root ?? throw new FileSystemFormatException("btrfs: not a file");
        ReadOnlyMemory<byte> inode = ReadInode(root, place.Inode);
        long length = LittleEndian.Int63(inode.Span, 16);
        bool isChecked = (LittleEndian.UInt64(inode.Span, 64) & InodeHasNoChecksums) == 0;
        var extents = new List<BtrfsExtent>();
        foreach (BtrfsItem item in _items.Range(
            root, new BtrfsKey(place.Inode, BtrfsKey.ExtentData, 0), new BtrfsKey(place.Inode, BtrfsKey.ExtentData, ulong.MaxValue), CancellationToken.None))
        {
            if (ReadExtent(item, length) is not { } extent)
                continue;
            extents.Add(extent);
            if (extents.Count > MaxExtentCount)
                throw new FileSystemFormatException($"btrfs: the inode {place.Inode} has too many extents");
        }
        return new BtrfsFileData(_data, length, isChecked, extents);
    }

    // Null: a hole, or reserved and never written, or behind the file's end.
    private static BtrfsExtent? ReadExtent(BtrfsItem item, long fileLength)
    {
        ReadOnlySpan<byte> bytes = item.Bytes.Span;
        long start = StructureBounds.Signed(item.Key.Offset, 0);
        byte compression = LittleEndian.UInt8(bytes, 16);
        byte type = LittleEndian.UInt8(bytes, 20);
        if (LittleEndian.UInt8(bytes, 17) != 0 || LittleEndian.UInt16(bytes, 18) != 0)
            throw new FileSystemFormatException("btrfs: an extent is encrypted or encoded, which is not read");
        if (start >= fileLength)
            return null;
        long plainBytes = LittleEndian.Int63(bytes, 8);
        if (type == ExtentInline)
        {
            ReadOnlyMemory<byte> inline = item.Bytes.Slice(ExtentHeaderBytes);
            if (plainBytes is 0 or > BtrfsFileData.MaxCompressedBytes)
                throw new FileSystemFormatException($"btrfs: an inline extent of {plainBytes} bytes");
            return new BtrfsExtent(start, Math.Min(plainBytes, fileLength - start), compression, 0, 0, 0, plainBytes, inline);
        }
        if (type is not (ExtentRegular or ExtentPreallocated) || bytes.Length < RegularExtentBytes)
            throw new FileSystemFormatException($"btrfs: an extent has the unknown type {type}");
        long address = LittleEndian.Int63(bytes, 21);
        long stored = LittleEndian.Int63(bytes, 29);
        long inside = LittleEndian.Int63(bytes, 37);
        long length = LittleEndian.Int63(bytes, 45);
        if (length == 0 || start > long.MaxValue - length || inside > long.MaxValue - length)
            throw new FileSystemFormatException("btrfs: an extent has a bad length");
        if (address == 0 || type == ExtentPreallocated)
            return null;
        if (compression == 0 ? inside + length > stored
            : plainBytes > BtrfsFileData.MaxCompressedBytes || stored > BtrfsFileData.MaxCompressedBytes || inside + length > plainBytes)
        {
            throw new FileSystemFormatException("btrfs: an extent's part lies outside it");
        }
        return new BtrfsExtent(start, Math.Min(length, fileLength - start), compression, address, stored, inside, plainBytes, null);
    }
}
