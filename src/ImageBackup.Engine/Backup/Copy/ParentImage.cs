using System;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Trees;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>
/// An earlier image of the same volume, the newest one that is of use, for its chunk tags: a chunk whose tag is still the one it was then has the id that it
/// had then, and needs no SHA-256. Only ever a shortcut: whatever is missing or damaged here, the backup hashes instead. Its
/// chunks are asked for in order, by one thread; one part of its tags is in memory.
/// </summary>
internal sealed class ParentImage : IDisposable
{
    private readonly BlobIndex _index;
    private readonly IReadOnlyList<BlobId> _parts;
    private readonly BlobReader _reader;
    private readonly Action<string> _writeVerbose;
    private readonly byte[] _part = new byte[ChunkTagsFile.PartRecordCount * ChunkTagsFile.RecordBytes];
    private long _loaded = -1;
    private bool _isUsable = true;

    private ParentImage(string id, ChunkTagsFile.Header header, IReadOnlyList<BlobId> parts, BlobIndex index, BlobReader reader, Action<string> writeVerbose)
    {
        Id = id;
        Header = header;
        _parts = parts;
        _index = index;
        _reader = reader;
        _writeVerbose = writeVerbose;
    }

    /// <summary>The image's full id.</summary>
    public string Id { get; }

    public ChunkTagsFile.Header Header { get; }

    /// <summary>The image before as parent, if it has tags that can be read; null: hash everything.</summary>
    public static ParentImage? Open(ImageRepository repository, PreviousImage image, BlobIndex index, Action<string> writeVerbose)
    {
        var reader = new BlobReader(repository.Files, repository.Sealers, usesCache: true);
        try
        {
            if (!BlobId.TryParse(image.Metadata.ChunkTags, out BlobId folder))
                return null;
            TreeNode? node = TreeWalk.Load(repository, index, folder).File(ImageFiles.ChunkTags);
            if (node is not { Content.Count: > 0 } || !index.TryFind(node.Content[0], BlobType.Data, out BlobLocation location)
                || location.ContentLengthBytes != ChunkTagsFile.HeaderBytes)
                throw new FormatException("They are not at the place that the image names.");
            ChunkTagsFile.Header header = ChunkTagsFile.ReadHeader(reader.Read(node.Content[0], location));
            if (node.Content.Count - 1 != header.PartCount || node.SizeBytes != header.FileBytes)
                throw new FormatException("They are of another length than their header says.");
            var parent = new ParentImage(image.Id, header, node.Content, index, reader, writeVerbose);
            reader = null;
            return parent;
        }
        catch (Exception e) when (e is ImageBackupException or FormatException)
        {
            writeVerbose($"The chunk tags of the last image of '{image.Metadata.VolumeName}' cannot be used, so every chunk is hashed: {e.Message}");
            return null;
        }
        finally
        {
            reader?.Dispose();
        }
    }

    /// <summary>What it recorded of a chunk.</summary>
    public KnownChunk Chunk(long chunk)
    {
        if (!_isUsable || chunk >= Header.ChunkCount)
            return default;
        long part = chunk / ChunkTagsFile.PartRecordCount;
        if (part != _loaded && !TryLoad(part))
            return default;
        return ChunkTagsFile.Record(_part, (int)(chunk % ChunkTagsFile.PartRecordCount));
    }

    private bool TryLoad(long part)
    {
        try
        {
            BlobId id = _parts[(int)part + 1];
            if (!_index.TryFind(id, BlobType.Data, out BlobLocation location) || location.ContentLengthBytes != Header.PartBytes(part))
                throw new ImageBackupException(ErrorId.ChunkMissing, $"A part of them is not in the repository.", Id);
            _reader.Read(id, location, _part);
            _loaded = part;
            return true;
        }
        catch (ImageBackupException e)
        {
            _isUsable = false;
            _writeVerbose($"The chunk tags of the image {DisplayText.ShortId(Id)} cannot be used, so chunks are hashed from here: {e.Message}");
            return false;
        }
    }

    public void Dispose() => _reader.Dispose();
}
