using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.Fat;

/// <summary>The directories and files of a FAT volume.</summary>
/// <remarks>Times are those of the clock on the wall, wherever the writer was: they are given as if they were UTC.</remarks>
internal sealed class FatTree : IFileTree
{
    /// <summary>A directory has at most 65,536 entries; twice as many is a circle.</summary>
    private const int MaxDirectoryBytes = 2 * 65536 * FatEntryParser.EntryBytes;
    private const ulong NoClusterId = 1UL << 62;
    private const int MaxExtentCount = 1 << 20;

    private readonly IBlockReader _volume;
    private readonly MetadataCache _structures;
    private readonly FatBootSector _geometry;

    /// <param name="volume">Stays the caller's.</param>
    /// <param name="structures">The same, by which structures are read.</param>
    /// <param name="geometry">Its boot sector.</param>
    /// <param name="isClean">False: <see cref="Notes"/> says that it was in use.</param>
    public FatTree(IBlockReader volume, MetadataCache structures, FatBootSector geometry, bool isClean)
    {
        _volume = volume;
        _structures = structures;
        _geometry = geometry;
        Root = new FileTreeEntry
        {
            Name = "",
            Kind = FileTreeKind.Directory,
            FileId = geometry.RootCluster,
            Attributes = FileAttributesOfWindows.Directory,
            Handle = new FatEntry("", 0, FatEntry.DirectoryAttribute, geometry.RootCluster, 0),
        };
        var notes = new List<string> { "FAT keeps local times without their zone: they are shown as if they were UTC." };
        if (!isClean)
            notes.Add("FAT: the volume was not taken off cleanly: what was changed last may be missing or damaged.");
        Notes = notes;
    }

    private readonly DirectoryNameCache _names = new();

    public FileTreeEntry Root { get; }
    public IReadOnlyList<string> Notes { get; }
    public bool IgnoresCase => true;

    public IEnumerable<FileTreeEntry> List(FileTreeEntry directory, CancellationToken cancellation)
    {
        FatEntry entry = Entry(directory);
        if (!entry.IsDirectory)
            throw new FileSystemFormatException($"FAT: '{entry.Name}' is not a directory");
        var parser = new FatEntryParser(_geometry.Width == FatWidth.Fat32);
        byte[]? bytes = null;
        foreach (ByteRange range in DirectoryParts(entry, cancellation))
        {
            bytes = bytes?.Length == range.LengthBytes ? bytes : new byte[(int)range.LengthBytes];
            _structures.ReadExact(range.OffsetBytes, bytes.AsSpan());
            for (int at = 0; at <= bytes.Length - FatEntryParser.EntryBytes; at += FatEntryParser.EntryBytes)
            {
                FatEntry? found = parser.Take(bytes.AsSpan(at, FatEntryParser.EntryBytes), range.OffsetBytes + at);
                if (parser.IsAtEnd)
                    yield break;
                if (found is { } file)
                    yield return Describe(file);
            }
        }
    }

    public FileTreeEntry? Find(FileTreeEntry directory, string name, CancellationToken cancellation) =>
        _names.Find(Entry(directory), List(directory, cancellation), name);

    public ISparseBlockReader OpenData(FileTreeEntry file, string? stream = null)
    {
        FatEntry entry = Entry(file);
        if (stream is not null)
            throw new FileSystemFormatException($"FAT: '{entry.Name}' has no stream '{stream}'");
        if (entry.IsDirectory)
            throw new FileSystemFormatException($"FAT: '{entry.Name}' is not a file");
        var extents = new List<FileExtent>();
        uint cluster = entry.FirstCluster;
        for (long at = 0; at < entry.SizeBytes; at += _geometry.ClusterSizeBytes)
        {
            long offset = ClusterOffsetBytes(cluster, entry.Name);
            int last = extents.Count - 1;
            if (last >= 0 && extents[last].VolumeOffsetBytes + extents[last].LengthBytes == offset)
                extents[last] = extents[last] with { LengthBytes = extents[last].LengthBytes + _geometry.ClusterSizeBytes };
            else if (extents.Count < MaxExtentCount)
                extents.Add(new FileExtent(at, _geometry.ClusterSizeBytes, offset));
            else
                throw new FileSystemFormatException($"FAT: '{entry.Name}' lies in too many pieces");
            // A chain that runs in a circle ends with the size, which has 32 bits.
            if (at + _geometry.ClusterSizeBytes < entry.SizeBytes)
                cluster = FatTable.ReadEntry(_structures, _geometry, cluster);
        }
        return new ExtentFileData(_volume, entry.SizeBytes, entry.SizeBytes, extents);
    }

    public string ReadLink(FileTreeEntry link) => throw new FileSystemFormatException($"FAT: '{link.Name}' is not a link");

    public IReadOnlyList<FileTreeStream> ListStreams(FileTreeEntry entry) => [];

    public IReadOnlyList<FileTreeAttribute> ListExtendedAttributes(FileTreeEntry entry) => [];

    private static FatEntry Entry(FileTreeEntry entry) =>
        entry.Handle is FatEntry found ? found : throw new ArgumentException("The entry is not of this tree.", nameof(entry));

    private IEnumerable<ByteRange> DirectoryParts(FatEntry directory, CancellationToken cancellation)
    {
        // A directory of FAT12 and FAT16 may name the root, which is not made of clusters, by 0.
        if (directory.FirstCluster == 0 && _geometry.Width != FatWidth.Fat32)
        {
            if (directory.PositionBytes != 0)
                throw new FileSystemFormatException($"FAT: the directory '{directory.Name}' has no clusters");
            yield return new ByteRange(_geometry.RootOffsetBytes, (long)_geometry.RootEntryCount * FatEntryParser.EntryBytes);
            yield break;
        }
        uint cluster = directory.FirstCluster;
        uint marks = _geometry.Width switch { FatWidth.Fat12 => 0xFF8, FatWidth.Fat16 => 0xFFF8, _ => 0x0FFFFFF8 };
        for (long bytes = 0; cluster < marks; bytes += _geometry.ClusterSizeBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            if (bytes >= MaxDirectoryBytes)
                throw new FileSystemFormatException($"FAT: the directory '{directory.Name}' is too long");
            yield return new ByteRange(ClusterOffsetBytes(cluster, directory.Name), _geometry.ClusterSizeBytes);
            cluster = FatTable.ReadEntry(_structures, _geometry, cluster);
        }
    }

    private long ClusterOffsetBytes(uint cluster, string name) => cluster >= 2 && cluster < _geometry.EntryCount
        ? _geometry.DataOffsetBytes + (cluster - 2L) * _geometry.ClusterSizeBytes
        : throw new FileSystemFormatException($"FAT: the chain of '{name}' is damaged at cluster {cluster}");

    private FileTreeEntry Describe(FatEntry entry)
    {
        long clusters = (entry.SizeBytes + _geometry.ClusterSizeBytes - 1L) / _geometry.ClusterSizeBytes;
        return new FileTreeEntry
        {
            Name = entry.Name,
            Kind = entry.IsDirectory ? FileTreeKind.Directory : FileTreeKind.File,
            FileId = entry.FirstCluster != 0 ? entry.FirstCluster : NoClusterId | (ulong)entry.PositionBytes,
            SizeBytes = entry.IsDirectory ? 0 : entry.SizeBytes,
            AllocatedBytes = entry.IsDirectory ? null : clusters * _geometry.ClusterSizeBytes,
            Created = DosTime.Read(entry.CreatedDate, entry.CreatedTime, entry.CreatedTenMilliseconds),
            Modified = DosTime.Read(entry.ModifiedDate, entry.ModifiedTime),
            Accessed = DosTime.Read(entry.AccessedDate, 0),
            Attributes = (FileAttributesOfWindows)(entry.Attributes & 0x37),
            Handle = entry,
        };
    }
}
