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
using ImageBackup.Engine.Repository.Locks;

namespace ImageBackup.Engine.Items;

/// <summary>The files of one image, open: the image's reader, the tree of its file system, and a lock that keeps its chunks. Any thread.</summary>
internal sealed class ItemSource : IDisposable
{
    private readonly ImageBlockReader _reader;
    private readonly RepositoryLock? _held;

    private ItemSource(ImageBackupInfo image, IFileTree tree, ImageBlockReader reader, RepositoryLock? held)
    {
        Image = image;
        Tree = tree;
        _reader = reader;
        _held = held;
    }

    public ImageBackupInfo Image { get; }
    public IFileTree Tree { get; }

    /// <summary>The image is of a file system of Windows: names are found in any case, and both separators count.</summary>
    public bool IsOfWindows => Tree.IgnoresCase;

    public char Separator => IsOfWindows ? '\\' : '/';

    /// <summary>Opens the files of an image.</summary>
    /// <exception cref="ImageBackupException">
    /// FileSystemNotBrowsable; ImageNotFound, ImageInvalid, a damage or a storage failure on the way to the file system's roots.
    /// </exception>
    public static ItemSource Open(ImageRepository repository, string imageId, CancellationToken cancellation)
    {
        RepositoryLock? held = repository.LockForReading(cancellation);
        ImageBlockReader? reader = null;
        try
        {
            var image = ImageContent.Load(repository, imageId, repository.LoadIndex(cancellation), cancellation);
            reader = new ImageBlockReader(repository, image);
            IFileTree tree = OpenTree(reader, image.Info, cancellation);
            return new ItemSource(image.Info, tree, reader, held);
        }
        catch (Exception e)
        {
            reader?.Dispose();
            held?.Dispose();
            if (Failure(e, imageId, "its file system") is { } known)
                throw known;
            throw;
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

    private static IFileTree OpenTree(ImageBlockReader reader, ImageBackupInfo image, CancellationToken cancellation)
    {
        IReadOnlyList<SignatureClaim> claims = SignatureScan.FindClaimants(reader);
        foreach (SignatureClaim claim in claims)
        {
            if (claim.Reader is IFileTreeReader browsable)
                return browsable.OpenTree(reader, cancellation);
        }
        string found = claims.Count == 0 ? "no known file system" : claims[0].Description?.Type ?? claims[0].Type;
        throw new ImageBackupException(ErrorId.FileSystemNotBrowsable,
            $"The image {image.ShortId} of '{image.Volume}' holds {found}, whose files cannot be listed. Those of {Browsable()} can.", image.Id);
    }

    private static string Browsable()
    {
        string[] names = [.. FileSystemCatalog.Readers.Where(reader => reader is IFileTreeReader).Select(reader => reader.GetType().Name.Replace("Reader", "").ToLowerInvariant())];
        return string.Join(", ", names.Select(name => name == "ext" ? "ext2, ext3, ext4" : name));
    }

    public void Dispose()
    {
        _reader.Dispose();
        _held?.Dispose();
    }
}
