using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Engine.Items;

/// <summary>
/// The files of one image, open: the image's reader and the tree of its file system. Or those of a volume of this machine. Any thread.
/// </summary>
internal sealed class ItemSource : IDisposable
{
    private readonly IBlockReader _reader;
    private readonly ImageContent? _content;

    /// <summary>A tree that is open already.</summary>
    /// <param name="image">Of what it is.</param>
    /// <param name="tree">The files.</param>
    /// <param name="reader">Becomes the source's.</param>
    internal ItemSource(ImageBackupInfo image, IFileTree tree, IBlockReader reader)
        : this(image, tree, reader, content: null)
    {
    }

    private ItemSource(ImageBackupInfo image, IFileTree tree, IBlockReader reader, ImageContent? content)
    {
        Image = image;
        Tree = tree;
        Notes = JoinedList.Of(tree.Notes);
        _reader = reader;
        _content = content;
    }

    public ImageBackupInfo Image { get; }
    public IFileTree Tree { get; }

    /// <summary>The tree's, in the form in which objects have them.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>The image is of a file system of Windows: names are found in any case, and both separators count.</summary>
    public bool IsOfWindows => Tree.IgnoresCase;

    public char Separator => IsOfWindows ? '\\' : '/';

    /// <summary>False: a volume of this machine, whose <see cref="Image"/> has no id.</summary>
    public bool IsImage => _content is not null;

    /// <summary>Opens the files of an image.</summary>
    /// <param name="repository">Its lock and index; stays the caller's, as long as the source is used.</param>
    /// <param name="imageId">The image's whole id.</param>
    /// <param name="cacheBytes">The most that is kept of the image's chunks.</param>
    /// <param name="cancellation">Ends the opening.</param>
    /// <exception cref="ImageBackupException">
    /// FileSystemNotBrowsable; ImageNotFound, ImageInvalid, a damage or a storage failure on the way to the file system's roots.
    /// </exception>
    public static ItemSource Open(ItemRepository repository, string imageId, long cacheBytes, CancellationToken cancellation)
    {
        ImageBlockReader? reader = null;
        try
        {
            var image = ImageContent.Load(repository.Repository, imageId, repository.Index, cancellation);
            reader = new ImageBlockReader(repository.Repository, image, cacheBytes);
            IFileTree tree = OpenTree(reader, $"The image {image.Info.ShortId} of '{image.Info.Volume}'", image.Info.Id, cancellation);
            return new ItemSource(image.Info, tree, reader, image);
        }
        catch (Exception e)
        {
            reader?.Dispose();
            if (Failure(e, imageId, "its file system") is { } known)
                throw known;
            throw;
        }
    }

    /// <summary>Opens the files of a volume of this machine as they lie there now.</summary>
    /// <param name="volume">Becomes the source's.</param>
    /// <param name="name">The volume's.</param>
    /// <param name="cancellation">Ends the opening.</param>
    /// <exception cref="ImageBackupException">FileSystemNotBrowsable, ItemUnreadable.</exception>
    public static ItemSource OpenVolume(IBlockReader volume, string name, CancellationToken cancellation)
    {
        var description = new ImageBackupInfo
        {
            Id = "",
            Volume = name,
            ComputerName = LocalHost.Name,
            BackupTime = DateTime.Now,
            SizeBytes = volume.LengthBytes,
        };
        try
        {
            return new ItemSource(description, OpenTree(volume, $"The volume '{name}'", name, cancellation), volume, content: null);
        }
        catch (Exception e)
        {
            volume.Dispose();
            if (Failure(e, name, "its file system") is { } known)
                throw known;
            throw;
        }
    }

    /// <summary>The part of a range of the volume, from its begin on, that is the same here and in another image because the chunks are.</summary>
    /// <returns>Its length in bytes; 0: the chunks do not tell. At most up to the chunk's end.</returns>
    public long SameBytes(ItemSource other, ByteRange range)
    {
        if (_content is null || other._content is null || range.OffsetBytes < 0 || range.LengthBytes <= 0
            || range.EndBytes > Math.Min(_content.SizeBytes, other._content.SizeBytes))
        {
            return 0;
        }
        ImageChunk chunk, theirs;
        try
        {
            chunk = _content.ChunkAt(range.OffsetBytes);
            theirs = other._content.ChunkAt(range.OffsetBytes);
        }
        catch (ImageBackupException)
        {
            // Of a chunk that is missing, not even the length is known.
            return 0;
        }
        if (chunk.Id != theirs.Id || chunk.OffsetBytes != theirs.OffsetBytes || chunk.LengthBytes != theirs.LengthBytes)
            return 0;
        var inside = new ByteRange(range.OffsetBytes, Math.Min(range.EndBytes, chunk.OffsetBytes + chunk.LengthBytes) - range.OffsetBytes);
        // What an image does not use reads as zeros, whatever its chunks have there.
        return _content.Used.Within(inside).SequenceEqual(other._content.Used.Within(inside)) ? inside.LengthBytes : 0;
    }

    /// <summary>The length of the chunk that holds a byte of the volume, from that byte on: what the chunks do not tell of as a whole.</summary>
    public long ChunkRest(long offsetBytes, long atMostBytes)
    {
        try
        {
            if (_content is null || offsetBytes < 0 || offsetBytes >= _content.SizeBytes)
                return atMostBytes;
            ImageChunk chunk = _content.ChunkAt(offsetBytes);
            return Math.Min(atMostBytes, chunk.OffsetBytes + chunk.LengthBytes - offsetBytes);
        }
        catch (ImageBackupException)
        {
            return atMostBytes;
        }
    }

    /// <summary>A failure of a tree as an error that names the file; null if it is something else.</summary>
    public static ImageBackupException? Failure(Exception failure, string target, string what) => failure switch
    {
        BlockReadException { IsGone: true, InnerException: ImageBackupException gone } => gone,
        BlockReadException damage => new ImageBackupException(ErrorId.ItemUnreadable,
            $"'{what}' cannot be read: the image is damaged at offset {damage.OffsetBytes} ({damage.Message.TrimEnd('.')}).", target, failure),
        FileSystemFormatException => new ImageBackupException(ErrorId.ItemUnreadable, $"'{what}' cannot be read: {failure.Message.TrimEnd('.')}.", target, failure),
        _ => null,
    };

    private static IFileTree OpenTree(IBlockReader reader, string what, string target, CancellationToken cancellation)
    {
        // A damage where another file system would have its mark must not keep the files of this one from being read.
        var unread = new List<BlockReadException>();
        IReadOnlyList<SignatureClaim> claims = SignatureScan.FindClaimants(reader, unread);
        foreach (SignatureClaim claim in claims)
        {
            if (claim.Reader is IFileTreeReader browsable)
                return browsable.OpenTree(reader, cancellation);
        }
        if (unread.Count > 0)
            throw unread[0];
        string found = claims.Count == 0 ? "no known file system" : claims[0].Description?.Type ?? claims[0].Type;
        throw new ImageBackupException(ErrorId.FileSystemNotBrowsable,
            $"{what} holds {found}, whose files cannot be listed. Those of {Browsable()} can.", target);
    }

    private static string Browsable()
    {
        string[] names = [.. FileSystemCatalog.Readers.Where(reader => reader is IFileTreeReader).Select(reader => reader.GetType().Name.Replace("Reader", "").ToLowerInvariant())];
        return string.Join(", ", names.Select(name => name == "ext" ? "ext2, ext3, ext4" : name));
    }

    public void Dispose() => _reader.Dispose();
}
