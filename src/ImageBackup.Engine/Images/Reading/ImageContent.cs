using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Images.Reading;

/// <summary>One chunk of an image: where it belongs on the volume, its id and where it lies. Null location: it is missing.</summary>
internal readonly record struct ImageChunk(long OffsetBytes, int LengthBytes, BlobId Id, BlobLocation? Location, bool IsZero);

/// <summary>
/// An image's content, ours or restic's: the snapshot record, the list of chunks, the used ranges.
/// </summary>
internal sealed class ImageContent
{
    /// <summary>restic's chunks end at 8 MiB; ours at 4. A larger one is not an image's.</summary>
    public const int ChunkLimitBytes = 16 << 20;

    /// <summary>restic's chunker cuts zeros at its least length.</summary>
    private const int ForeignZeroChunkBytes = 512 << 10;

    private readonly BlobIndex _index;
    private readonly IReadOnlyList<BlobId> _chunks;
    private readonly ZeroBlobs _zeros = new();
    private readonly int? _chunkSizeBytes;
    private long[]? _starts;

    private ImageContent(ImageBackupInfo info, TreeNode node, UsedRanges used, BlobIndex index, int? chunkSizeBytes)
    {
        Info = info;
        SizeBytes = node.SizeBytes;
        Used = used;
        _chunks = node.Content;
        _index = index;
        _chunkSizeBytes = chunkSizeBytes;
    }

    public ImageBackupInfo Info { get; }
    public long SizeBytes { get; }
    public UsedRanges Used { get; }
    public long ChunkCount => _chunks.Count;

    /// <exception cref="ImageBackupException">ImageNotFound, ImageInvalid, SnapshotCorrupt, ChunkMissing (its tree), a storage failure.</exception>
    /// <param name="repository">The repository.</param>
    /// <param name="id">The snapshot record's full id.</param>
    /// <param name="index">Its index.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <param name="isTolerant">
    /// Does without what lies beside the volume: a damaged image.json gives way to the snapshot record's own copy, and without
    /// used.ranges all is used.
    /// </param>
    public static ImageContent Load(ImageRepository repository, string id, BlobIndex index, CancellationToken cancellation, bool isTolerant = false)
    {
        if (!BlobId.TryParse(id, out _))
            throw new ImageBackupException(ErrorId.ImageNotFound, $"'{id}' is not an image's id.", id);
        SnapshotRecord snapshot = LoadSnapshot(repository, id);
        List<TreeNode> root = TreeWalk.Load(repository, index, snapshot.Tree);
        if (root.File(ImageFiles.Metadata) is { } metadataNode
            && root.File(ImageFiles.Volume) is { } volumeNode)
        {
            ImageMetadata metadata = Try(isTolerant && snapshot.Summary is not null, () => ImageMetadataJson.Read(ReadFile(repository, index, metadataNode)))
                ?? (isTolerant && snapshot.Summary is { } summary ? ImageMetadataJson.Read(summary) : null)
                ?? throw Invalid(repository, id, "its image.json is damaged or of a later version");
            if (metadata.SizeBytes != volumeNode.SizeBytes)
                throw Invalid(repository, id, "its image.json names another size than its volume.img has");
            UsedRanges used = root.File(ImageFiles.UsedRanges) is { } rangesNode
                ? Try(isTolerant, () => ReadUsedRanges(repository, index, rangesNode, volumeNode.SizeBytes, id)) ?? UsedRanges.Whole(volumeNode.SizeBytes)
                : UsedRanges.Whole(volumeNode.SizeBytes);
            return new ImageContent(ImageInfoBuilder.Build(id, snapshot, metadata, repository.Location), volumeNode, used, index, metadata.ChunkSizeBytes);
        }
        if (FindForeign(repository, index, snapshot, cancellation) is not { } foreign)
            throw Invalid(repository, id, "it holds no volume image, nor one single file");
        return new ImageContent(ImageInfoBuilder.BuildForeign(id, snapshot, foreign.Path, foreign.Node.SizeBytes, repository.Location),
            foreign.Node, UsedRanges.Whole(foreign.Node.SizeBytes), index, chunkSizeBytes: null);
    }

    /// <summary>The one regular file of a snapshot record that restic made of a device or of standard input; null if it has none or several.</summary>
    public static (string Path, TreeNode Node)? FindForeign(ImageRepository repository, BlobIndex index, SnapshotRecord snapshot, CancellationToken cancellation)
    {
        List<(string Path, TreeNode Node)> files = TreeWalk.Files(repository, index, snapshot.Tree, limit: 2, cancellation);
        return files.Count == 1 && files[0].Node.SizeBytes > 0 ? files[0] : null;
    }

    /// <summary>image.json out of an image's tree; null if the tree is not an image's.</summary>
    public static ImageMetadata? LoadMetadata(ImageRepository repository, BlobIndex index, SnapshotRecord snapshot)
    {
        TreeNode? node = TreeWalk.Load(repository, index, snapshot.Tree).File(ImageFiles.Metadata);
        return node is null ? null : ImageMetadataJson.Read(ReadFile(repository, index, node));
    }

    public static SnapshotRecord LoadSnapshot(ImageRepository repository, string id)
    {
        try
        {
            return SnapshotRecord.Read(repository.Files.LoadSealed(StoredKind.Snapshot, id, repository.Sealers));
        }
        catch (FormatException e)
        {
            throw repository.Files.Corrupt(StoredKind.Snapshot, id, e.Message.TrimEnd('.'));
        }
        catch (ImageBackupException e) when (e.InnerException is StorageException { Problem: StorageProblem.NotFound })
        {
            throw new ImageBackupException(ErrorId.ImageNotFound, $"The repository '{repository.Location}' has no image {id}.", id, e);
        }
    }

    /// <summary>Where a chunk lies; several places if it was stored more than once.</summary>
    public IReadOnlyList<BlobLocation> Places(BlobId chunk) => _index.FindAll(chunk, BlobType.Data);

    /// <summary>An empty plan of reads of this image's chunks.</summary>
    public PackReadPlan NewReadPlan() => new(_index);

    /// <summary>
    /// All chunks in order. A missing chunk's length is the image's chunk size, if there is one.
    /// </summary>
    /// <exception cref="ImageBackupException">ImageInvalid: the chunks do not add up to the volume; ChunkMissing if a missing chunk's length cannot be known.</exception>
    public IEnumerable<ImageChunk> Chunks()
    {
        long offset = 0;
        for (int i = 0; i < _chunks.Count; i++)
        {
            ImageChunk chunk = Chunk(i, offset);
            yield return chunk;
            offset += chunk.LengthBytes;
        }
        if (offset != SizeBytes)
            throw new ImageBackupException(ErrorId.ImageInvalid, $"The chunks of the image {Info.ShortId} add up to {offset} bytes instead of {SizeBytes}.", Info.Id);
    }

    /// <summary>The chunk that holds a byte of the volume. Any thread. If they have no common size, the first call looks at all of them.</summary>
    /// <exception cref="ImageBackupException">As <see cref="Chunks"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The offset is not inside the volume.</exception>
    public ImageChunk ChunkAt(long offsetBytes)
    {
        if (offsetBytes < 0 || offsetBytes >= SizeBytes)
            throw new ArgumentOutOfRangeException(nameof(offsetBytes));
        if (_chunkSizeBytes is > 0 and var size && offsetBytes / size < _chunks.Count
            && Chunk((int)(offsetBytes / size), offsetBytes / size * size) is var direct && direct.OffsetBytes + direct.LengthBytes > offsetBytes)
            return direct;
        long[] starts = Starts();
        int found = Array.BinarySearch(starts, offsetBytes);
        int i = found >= 0 ? found : ~found - 1;
        // Of several that begin there all but the last are empty.
        while (i + 1 < starts.Length && starts[i + 1] == starts[i])
            i++;
        return Chunk(i, starts[i]);
    }

    // A second thread that asks meanwhile makes the same list.
    private long[] Starts()
    {
        if (Volatile.Read(ref _starts) is { } known)
            return known;
        var starts = new long[_chunks.Count];
        int count = 0;
        foreach (ImageChunk chunk in Chunks())
            starts[count++] = chunk.OffsetBytes;
        Volatile.Write(ref _starts, starts);
        return starts;
    }

    private ImageChunk Chunk(int i, long offset)
    {
        BlobId id = _chunks[i];
        bool isThere = _index.TryFind(id, BlobType.Data, out BlobLocation location);
        long length = isThere ? location.ContentLengthBytes : Math.Min(_chunkSizeBytes ?? 0, SizeBytes - offset);
        if (!isThere && length == 0)
            throw new MissingBlobException(id, $"The chunk at offset {offset} of the image {Info.ShortId} is not in the repository.", Info.Id);
        if (length > ChunkLimitBytes || length > SizeBytes - offset)
            throw new ImageBackupException(ErrorId.ImageInvalid, $"The image {Info.ShortId} has a chunk of {length} bytes at offset {offset}, which does not fit.", Info.Id);
        return new ImageChunk(offset, (int)length, id, isThere ? location : null, MayBeZero(i, length) && _zeros.IsZero(id, (int)length));
    }

    /// <summary>Whether an all-zero chunk can have this length: asking for every length that restic's chunker gives would hash the whole volume.</summary>
    private bool MayBeZero(int chunk, long lengthBytes) =>
        lengthBytes == (_chunkSizeBytes ?? ForeignZeroChunkBytes) || chunk == _chunks.Count - 1;

    /// <summary>The longest chunk's length: what a buffer must hold. Proves on the way that all chunks are listed in the index.</summary>
    /// <exception cref="ImageBackupException">ChunkMissing naming how much is missing and where it begins; ImageInvalid.</exception>
    public int LongestChunkBytes(CancellationToken cancellation, bool allowMissing = false)
    {
        int longest = 0;
        long missingBytes = 0, firstMissing = -1;
        BlobId missing = default;
        foreach (ImageChunk chunk in Chunks())
        {
            cancellation.ThrowIfCancellationRequested();
            longest = Math.Max(longest, chunk.LengthBytes);
            if (chunk.Location is not null || chunk.IsZero)
                continue;
            missingBytes += chunk.LengthBytes;
            if (firstMissing >= 0)
                continue;
            firstMissing = chunk.OffsetBytes;
            missing = chunk.Id;
        }
        if (missingBytes > 0 && !allowMissing)
        {
            throw new MissingBlobException(missing,
                $"{missingBytes} bytes of the image {Info.ShortId} of '{Info.Volume}', the first at offset {firstMissing}, are not in the repository.", Info.Id);
        }
        return longest;
    }

    private static T? Try<T>(bool isTolerant, Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (ImageBackupException e) when (isTolerant && (e.Id is ErrorId.ChunkCorrupt or ErrorId.ChunkMissing or ErrorId.PackCorrupt or ErrorId.ImageInvalid))
        {
            return null;
        }
    }

    private static UsedRanges ReadUsedRanges(ImageRepository repository, BlobIndex index, TreeNode node, long volumeBytes, string id)
    {
        try
        {
            UsedRanges used = UsedRangesFile.Read(ReadFile(repository, index, node));
            return used.VolumeBytes == volumeBytes ? used : throw new FormatException("It is another volume's.");
        }
        catch (FormatException e)
        {
            throw Invalid(repository, id, "its used.ranges cannot be used: " + e.Message.TrimEnd('.'));
        }
    }

    /// <exception cref="ImageBackupException">ImageInvalid, ChunkMissing, or the pack's damage.</exception>
    internal static byte[] ReadFile(ImageRepository repository, BlobIndex index, TreeNode node)
    {
        if (node.SizeBytes > RepositoryFormat.BlobLimitBytes)
            throw new ImageBackupException(ErrorId.ImageInvalid, $"The file '{node.Name}' of the image is too large to be one of ours.", repository.Location);
        byte[] content = new byte[node.SizeBytes];
        int done = 0;
        using var reader = new BlobReader(repository.Files, repository.Sealers, usesCache: true);
        foreach (BlobId id in node.Content)
        {
            if (!index.TryFind(id, BlobType.Data, out BlobLocation location))
                throw new MissingBlobException(id, $"A part of '{node.Name}' of the image is not in the repository.", repository.Location);
            if (location.ContentLengthBytes > content.Length - done)
                throw new ImageBackupException(ErrorId.ImageInvalid, $"The parts of '{node.Name}' of the image do not add up.", repository.Location);
            byte[] part = reader.Read(id, location, index);
            part.CopyTo(content, done);
            done += part.Length;
        }
        return done == content.Length ? content : throw new ImageBackupException(ErrorId.ImageInvalid, $"The parts of '{node.Name}' of the image do not add up.", repository.Location);
    }

    private static ImageBackupException Invalid(ImageRepository repository, string id, string why) =>
        new(ErrorId.ImageInvalid, $"The snapshot record {DisplayText.ShortId(id)} in '{repository.Location}' is not a volume image: {why}.", id);
}
