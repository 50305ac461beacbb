using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.FileSystems.ExFat;

/// <summary>The directories and files of an exFAT volume.</summary>
internal sealed class ExFatTree : IFileTree
{
    private const int DirectoryAttribute = 0x10;
    private const ulong NoClusterId = 1UL << 62;
    private const int BatchBytes = 64 << 10;

    private readonly IBlockReader _volume;
    private readonly MetadataCache _structures;
    private readonly ExFatBootSector _geometry;
    private readonly bool _verifiesChecksums;

    /// <param name="volume">Stays the caller's.</param>
    /// <param name="structures">The same, by which structures are read.</param>
    /// <param name="geometry">Its boot sector.</param>
    /// <param name="verifiesChecksums">Of entry sets.</param>
    public ExFatTree(IBlockReader volume, MetadataCache structures, ExFatBootSector geometry, bool verifiesChecksums)
    {
        _volume = volume;
        _structures = structures;
        _geometry = geometry;
        _verifiesChecksums = verifiesChecksums;
        Root = Describe(new ExFatFile
        {
            Name = "",
            PositionBytes = 0,
            Attributes = DirectoryAttribute,
            FirstCluster = geometry.RootCluster,
            LengthBytes = 0,
            ValidBytes = 0,
            IsContiguous = false,
        });
        var notes = new List<string>();
        if (geometry.IsBackup)
            notes.Add("exFAT: the main boot region is damaged, its backup was used.");
        if (geometry.IsDirty)
            notes.Add("exFAT: the volume was not taken off cleanly: what was changed last may be missing or damaged.");
        Notes = notes;
    }

    private readonly DirectoryNameCache _names = new();

    public FileTreeEntry Root { get; }
    public IReadOnlyList<string> Notes { get; }
    public bool IgnoresCase => true;

    public IEnumerable<FileTreeEntry> List(FileTreeEntry directory, CancellationToken cancellation)
    {
        ExFatFile file = Entry(directory);
        if (!file.IsDirectory)
            throw new FileSystemFormatException($"exFAT: '{file.Name}' is not a directory");
        var set = new byte[ExFatFile.MaxSetBytes];
        int filled = 0;
        long setPosition = 0;
        int damagedCount = 0;
        foreach ((long offset, byte[] bytes, int count) in DirectoryParts(file, cancellation))
        {
            for (int at = 0; at <= count - ExFatFile.EntryBytes; at += ExFatFile.EntryBytes)
            {
                byte type = bytes[at];
                if (filled > 0 && (type & 0xC0) == 0xC0)
                {
                    Array.Copy(bytes, at, set, filled, ExFatFile.EntryBytes);
                    filled += ExFatFile.EntryBytes;
                }
                else
                {
                    // A set that ended early is not one.
                    damagedCount += filled > 0 ? 1 : 0;
                    filled = 0;
                    if (type == 0)
                    {
                        RequireNone(damagedCount, file);
                        yield break;
                    }
                    if (type != ExFatFile.FileEntry)
                        continue;
                    setPosition = offset + at;
                    if (ExFatFile.SetBytes(bytes.AsSpan(at)) > set.Length)
                    {
                        damagedCount++;
                        continue;
                    }
                    Array.Copy(bytes, at, set, 0, ExFatFile.EntryBytes);
                    filled = ExFatFile.EntryBytes;
                }
                if (filled != ExFatFile.SetBytes(set))
                    continue;
                ExFatFile? found = ExFatFile.TryRead(set.AsSpan(0, filled), setPosition, _verifiesChecksums);
                filled = 0;
                if (found is null)
                    damagedCount++;
                else
                    yield return Describe(found);
            }
        }
        RequireNone(damagedCount + (filled > 0 ? 1 : 0), file);
    }

    public FileTreeEntry? Find(FileTreeEntry directory, string name, CancellationToken cancellation) =>
        _names.Find(Entry(directory), List(directory, cancellation), name);

    public ISparseBlockReader OpenData(FileTreeEntry file, string? stream = null)
    {
        ExFatFile found = Entry(file);
        if (stream is not null)
            throw new FileSystemFormatException($"exFAT: '{found.Name}' has no stream '{stream}'");
        if (found.IsDirectory)
            throw new FileSystemFormatException($"exFAT: '{found.Name}' is not a file");
        var extents = new List<FileExtent>();
        long at = 0;
        foreach (ExFatRun run in Runs(found, CancellationToken.None))
        {
            long length = (long)run.ClusterCount * _geometry.ClusterSizeBytes;
            extents.Add(new FileExtent(at, length, _geometry.ClusterOffsetBytes(run.FirstCluster)));
            at += length;
        }
        return new ExtentFileData(_volume, found.LengthBytes, found.ValidBytes, extents);
    }

    public string ReadLink(FileTreeEntry link) => throw new FileSystemFormatException($"exFAT: '{link.Name}' is not a link");

    public IReadOnlyList<FileTreeStream> ListStreams(FileTreeEntry entry) => [];

    public IReadOnlyList<FileTreeAttribute> ListExtendedAttributes(FileTreeEntry entry) => [];

    private static ExFatFile Entry(FileTreeEntry entry) =>
        entry.Handle as ExFatFile ?? throw new ArgumentException("The entry is not of this tree.", nameof(entry));

    // Said when the others have been given.
    private static void RequireNone(int damagedCount, ExFatFile directory)
    {
        if (damagedCount > 0)
            throw new FileSystemFormatException($"exFAT: {damagedCount} entries of the directory '{directory.Name}' are damaged");
    }

    private List<ExFatRun> Runs(ExFatFile file, CancellationToken cancellation)
    {
        var chain = new ExFatChain(_structures, _geometry, cancellation);
        if (!file.IsDirectory)
            return chain.Runs(file.FirstCluster, (ulong)file.LengthBytes, file.IsContiguous);
        if (file.LengthBytes > ExFatDirectory.MaxLengthBytes)
            throw new FileSystemFormatException($"exFAT: the directory '{file.Name}' is too long");
        return file.PositionBytes == 0
            ? chain.RunsToEnd(file.FirstCluster, (uint)Math.Max(1, Math.Min(_geometry.ClusterCount, ExFatDirectory.MaxLengthBytes / _geometry.ClusterSizeBytes)))
            : chain.Runs(file.FirstCluster, (ulong)file.LengthBytes, file.IsContiguous);
    }

    private IEnumerable<(long OffsetBytes, byte[] Bytes, int Count)> DirectoryParts(ExFatFile directory, CancellationToken cancellation)
    {
        var bytes = new byte[Math.Min(BatchBytes, _geometry.ClusterSizeBytes)];
        foreach (ExFatRun run in Runs(directory, cancellation))
        {
            long offset = _geometry.ClusterOffsetBytes(run.FirstCluster);
            long end = offset + (long)run.ClusterCount * _geometry.ClusterSizeBytes;
            for (; offset < end; offset += bytes.Length)
            {
                cancellation.ThrowIfCancellationRequested();
                int count = (int)Math.Min(bytes.Length, end - offset);
                _structures.ReadExact(offset, bytes.AsSpan(0, count));
                yield return (offset, bytes, count);
            }
        }
    }

    private FileTreeEntry Describe(ExFatFile file)
    {
        long clusters = file.LengthBytes / _geometry.ClusterSizeBytes + (file.LengthBytes % _geometry.ClusterSizeBytes == 0 ? 0 : 1);
        return new FileTreeEntry
        {
            Name = file.Name,
            Kind = file.IsDirectory ? FileTreeKind.Directory : FileTreeKind.File,
            FileId = file.FirstCluster != 0 ? file.FirstCluster : NoClusterId | (ulong)file.PositionBytes,
            SizeBytes = file.IsDirectory ? 0 : file.LengthBytes,
            AllocatedBytes = file.IsDirectory || clusters > _geometry.ClusterCount ? null : clusters * _geometry.ClusterSizeBytes,
            Created = file.Created,
            Modified = file.Modified,
            Accessed = file.Accessed,
            Attributes = (FileAttributesOfWindows)(file.Attributes & 0x37),
            Handle = file,
        };
    }
}
