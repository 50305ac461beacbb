using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Engine.Items.Drive;

/// <summary>
/// A repository as one tree: computer, volume, image, and the files in it. Any thread. What was looked up is kept, and so are the images
/// that were read last, at most <see cref="MaxOpenCount"/>. No lock is held: a drive may be left open for days, and must keep nobody
/// from removing images. Every chunk is proven, so that what is read is right or an error.
/// </summary>
/// <remarks>
/// An image that is gone is ImageNotFound. If packs were rewritten meanwhile, the index and the image are read again, once.
/// </remarks>
/// <param name="repositoryOf">The open repository, asked before each use; throws if it was disconnected. Stays the caller's.</param>
internal sealed class DriveTree(Func<ImageRepository> repositoryOf) : IDisposable
{
    public const int MaxOpenCount = 6;

    /// <summary>Of each image's chunks.</summary>
    private const int CacheBytes = 16 << 20;

    /// <summary>Whether images have expired, and which are active, is decided again after so long.</summary>
    private static readonly TimeSpan s_catalogAge = TimeSpan.FromMinutes(1);

    /// <summary>A name that means the newest is looked up again after so long: PowerShell asks for it several times at once.</summary>
    private static readonly TimeSpan s_newestAge = TimeSpan.FromSeconds(1);

    private readonly object _lock = new();
    private readonly LinkedList<OpenImage> _open = new();
    private ImageCatalog? _images;
    private DriveCatalog? _catalog;
    private HashSet<string> _recordIds = [];
    private DateTime _catalogRead;
    private Stopwatch _sinceListed = Stopwatch.StartNew();
    private ItemRepository? _index;
    private HashSet<string> _indexedIds = [];
    private bool _isDisposed;
    private long _lookupCount;

    /// <summary>How often the repository or an image's directories were asked: not what the caches answered.</summary>
    public long LookupCount => Interlocked.Read(ref _lookupCount);

    /// <summary>Told of snapshot records that cannot be read.</summary>
    public Action<Exception>? OnWarning { get; set; }

    public string Location => repositoryOf().Location;

    /// <summary>What lies at a path, held open; null if there is nothing. Dispose of it.</summary>
    /// <param name="pathNames">Escaped, from the drive's root.</param>
    /// <exception cref="ImageBackupException">
    /// ImageNotFound: the image was removed after the drive had listed it. ItemUnreadable, FileSystemNotBrowsable, RepositoryNotConnected, a storage failure.
    /// </exception>
    public DriveLease? Acquire(IReadOnlyList<string> pathNames, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (pathNames.Count == 0)
            return new DriveLease(this, new DriveNode([], null, null, null, null, null));
        if (FindOuter(pathNames, cancellation) is not { } outer)
            return null;
        if (pathNames.Count <= 3)
            return new DriveLease(this, outer);
        IReadOnlyList<string> names = [.. pathNames.Skip(3).Select(DriveNames.Unescape)];
        return Retried(outer.Image!, image =>
        {
            FoundItem? item = FindItem(image, names, cancellation);
            return item is null ? null : new DriveLease(this, NodeOf(outer, item, image));
        }, cancellation);
    }

    /// <summary>What lies in a computer, a volume, an image or a directory of one; nothing in a file.</summary>
    /// <param name="onProblem">Told of a directory that cannot be read to its end.</param>
    /// <exception cref="ImageBackupException">As <see cref="Acquire"/>.</exception>
    public IEnumerable<DriveNode> Children(DriveNode node, Action<ImageBackupException> onProblem, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (node.Image is null)
            return Outer(node, cancellation);
        return node.IsContainer ? Inner(node, maxDepth: 0, onProblem, cancellation) : [];
    }

    /// <summary>All below a place, as <see cref="ItemWalk.Below"/>; links are not followed.</summary>
    /// <param name="maxDepth">0: what lies in it.</param>
    /// <exception cref="ImageBackupException">As <see cref="Acquire"/>. Of an image below it such a failure is a problem instead.</exception>
    public IEnumerable<DriveNode> Below(DriveNode node, int maxDepth, Action<ImageBackupException> onProblem, CancellationToken cancellation)
    {
        if (node.Image is not null)
        {
            foreach (DriveNode each in node.IsContainer ? Inner(node, maxDepth, onProblem, cancellation) : [])
                yield return each;
            yield break;
        }
        foreach (DriveNode child in Outer(node, cancellation))
        {
            yield return child;
            if (maxDepth == 0)
                continue;
            using IEnumerator<DriveNode> below = Below(child, maxDepth == int.MaxValue ? maxDepth : maxDepth - 1, onProblem, cancellation).GetEnumerator();
            while (true)
            {
                try
                {
                    if (!below.MoveNext())
                        break;
                }
                catch (ImageBackupException e) when (child.Image is not null && e.Id is not (ErrorId.RepositoryNotConnected or ErrorId.Cancelled))
                {
                    onProblem(e);
                    break;
                }
                yield return below.Current;
            }
        }
    }

    /// <summary>All volumes of all computers.</summary>
    public IReadOnlyList<DriveVolume> Volumes() => [.. CatalogOf(isNew: false, CancellationToken.None).Computers.SelectMany(computer => computer.Volumes)];

    /// <summary>The public object of a place.</summary>
    /// <exception cref="ImageBackupException">A storage failure.</exception>
    public object Describe(DriveNode node) => node.Open is { } open
        ? Named(open, node.Item!.PathIn(open.Source), () => DriveObjects.Describe(node, this))
        : DriveObjects.Describe(node, this);

    /// <summary>The content of a file, or of one of its streams. Its image stays open until the stream is disposed of.</summary>
    /// <exception cref="ImageBackupException">ItemUnreadable: not a file, damaged, or it has no such stream. Else as <see cref="Acquire"/>.</exception>
    public Stream OpenContent(IReadOnlyList<string> pathNames, string? streamName, CancellationToken cancellation)
    {
        DriveLease lease = Acquire(pathNames, cancellation)
            ?? throw new ImageBackupException(ErrorId.ItemNotFound, $"The drive has no '{string.Join("/", pathNames)}'.", string.Join("/", pathNames));
        try
        {
            if (lease.Node.Item is not { } item)
                throw new ImageBackupException(ErrorId.ItemUnreadable, $"'{string.Join("/", pathNames)}' cannot be read: it is not a file.", string.Join("/", pathNames));
            ThrowIfRemoved(lease.Node.Image!);
            OpenImage open = lease.Node.Open!;
            string path = item.PathIn(open.Source);
            return new DriveStream(lease, new ItemStream(Named(open, path, () => open.Source.Tree.OpenData(item.Entry, streamName))), failure => Explain(failure, open, path));
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>Lets the image of a lease be closed.</summary>
    internal void Return(OpenImage image)
    {
        lock (_lock)
        {
            if (--image.UserCount == 0 && image.IsForgotten)
                image.Dispose();
        }
    }

    /// <exception cref="ImageBackupException">ImageNotFound.</exception>
    public void ThrowIfRemoved(DriveImage image)
    {
        ImageRepository repository = repositoryOf();
        if (!ImageCatalog.Exists(repository, image.Info.Id))
        {
            lock (_lock)
                _catalog = null;
            throw new ImageBackupException(ErrorId.ImageNotFound,
                $"The image {image.Info.ShortId} of '{image.Info.Volume}' was removed from '{repository.Location}' after the drive had listed it.", image.Info.Id);
        }
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
            throw new ImageBackupException(ErrorId.RepositoryNotConnected, "The drive was removed.");
    }

    private DriveNode? FindOuter(IReadOnlyList<string> pathNames, CancellationToken cancellation)
    {
        DriveNode? found = FindOuter(CatalogOf(isNew: false, cancellation), pathNames);
        // An image may be new: one that is not there yet, or that takes over the name of the newest.
        bool isByItsName = found is not null && found.PathNames.SequenceEqual(pathNames.Take(3), StringComparer.OrdinalIgnoreCase);
        if (found is not null && (isByItsName || _sinceListed.Elapsed < s_newestAge))
            return found;
        return FindOuter(CatalogOf(isNew: true, cancellation), pathNames);
    }

    private static DriveNode? FindOuter(DriveCatalog catalog, IReadOnlyList<string> pathNames)
    {
        if (catalog.FindComputer(pathNames[0]) is not { } computer)
            return null;
        if (pathNames.Count == 1)
            return NodeOf(computer);
        if (DriveCatalog.FindVolume(computer, pathNames[1]) is not { } volume)
            return null;
        if (pathNames.Count == 2)
            return NodeOf(computer, volume);
        return DriveCatalog.FindImage(volume, pathNames[2]) is { } image ? NodeOf(computer, volume, image) : null;
    }

    private static DriveNode NodeOf(DriveComputer computer) => new([computer.PathName], computer, null, null, null, null);

    private static DriveNode NodeOf(DriveComputer computer, DriveVolume volume) => new([computer.PathName, volume.PathName], computer, volume, null, null, null);

    private static DriveNode NodeOf(DriveComputer computer, DriveVolume volume, DriveImage image) =>
        new([computer.PathName, volume.PathName, image.PathName], computer, volume, image, null, null);

    private static DriveNode NodeOf(DriveNode outer, FoundItem item, OpenImage open)
    {
        var names = new string[3 + item.Names.Count];
        for (int i = 0; i < 3; i++)
            names[i] = outer.PathNames[i];
        for (int i = 3; i < names.Length; i++)
            names[i] = DriveNames.Escape(item.Names[i - 3]);
        return outer with { PathNames = names, Item = item, Open = open };
    }

    private IEnumerable<DriveNode> Outer(DriveNode node, CancellationToken cancellation)
    {
        DriveCatalog catalog = CatalogOf(isNew: true, cancellation);
        if (node.Computer is null)
            return catalog.Computers.Select(NodeOf);
        // As it is now: it may have got images, or lost its last.
        if (FindOuter(catalog, node.PathNames) is not { Computer: { } computer } now)
            return [];
        return now.Volume is { } volume
            ? volume.Images.Select(image => NodeOf(computer, volume, image))
            : computer.Volumes.Select(each => NodeOf(computer, each));
    }

    private IEnumerable<DriveNode> Inner(DriveNode node, int maxDepth, Action<ImageBackupException> onProblem, CancellationToken cancellation)
    {
        ThrowIfRemoved(node.Image!);
        var names = node.Item?.Names ?? [];
        // Held while it is walked.
        using DriveLease? held = Retried(node.Image!, image => FindItem(image, names, cancellation) is { } item
            ? new DriveLease(this, NodeOf(node, item, image)) : null, cancellation);
        if (held is null)
            yield break;
        OpenImage open = held.Node.Open!;
        var walk = new ItemWalk(open.Source, problem => onProblem(Explain(problem, open, problem.Target as string ?? "") as ImageBackupException ?? problem));
        Interlocked.Increment(ref _lookupCount);
        IEnumerable<FoundItem> found = maxDepth == 0 ? walk.Children(held.Node.Item!, cancellation) : walk.Below(held.Node.Item!, maxDepth, cancellation);
        foreach (FoundItem item in found)
        {
            cancellation.ThrowIfCancellationRequested();
            if (maxDepth == 0)
            {
                lock (_lock)
                    open.Add(OpenImage.KeyOf(item.Names, item.Names.Count), item);
            }
            yield return NodeOf(node, item, open);
        }
    }

    private static FoundItem RootOf(OpenImage image) => new(image.Source.Tree.Root, []);

    /// <summary>One name after the other, each from the cache if it is there; null if one of them is not.</summary>
    private FoundItem? FindItem(OpenImage image, IReadOnlyList<string> names, CancellationToken cancellation)
    {
        int known = names.Count;
        FoundItem? item = null;
        lock (_lock)
        {
            while (known > 0 && !image.TryGet(OpenImage.KeyOf(names, known), out item))
                known--;
        }
        if (known == 0)
            item = RootOf(image);
        for (int i = known; i < names.Count && item is not null; i++)
        {
            FoundItem directory = item;
            string name = names[i];
            FileTreeEntry? entry = null;
            if (directory.Entry.Kind == FileTreeKind.Directory)
            {
                Interlocked.Increment(ref _lookupCount);
                entry = Named(image, directory.PathIn(image.Source), () => image.Source.Tree.Find(directory.Entry, name, cancellation));
            }
            item = entry is null ? null : new FoundItem(directory, entry);
            lock (_lock)
                image.Add(OpenImage.KeyOf(names, i + 1), item);
        }
        return item;
    }

    private static T Named<T>(OpenImage image, string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (ErrorOf(e, image, path) is var known && !ReferenceEquals(known, e))
        {
            throw known;
        }
    }

    /// <summary>A failure of a tree, or of a repository that was disconnected, as the drive's error; itself if it is something else.</summary>
    private static Exception ErrorOf(Exception failure, OpenImage image, string path) => failure is ObjectDisposedException
        ? new ImageBackupException(ErrorId.RepositoryNotConnected, $"The repository '{image.Source.Image.Repository}' was disconnected.", image.Source.Image.Repository, failure)
        : ItemSource.Failure(failure, path, path) ?? failure;

    /// <summary>Uses an image, and if what it knew of the repository does not hold any more, opens it again and uses that.</summary>
    /// <param name="use">Null: the lease is not wanted.</param>
    private DriveLease? Retried(DriveImage image, Func<OpenImage, DriveLease?> use, CancellationToken cancellation)
    {
        OpenImage open = Open(image, cancellation, out bool isNew);
        try
        {
            return Leased(open, use);
        }
        catch (ImageBackupException e) when (!isNew && MayBeStale(e))
        {
            lock (_lock)
            {
                Forget(open);
                _index = null;
            }
            return Leased(Open(image, cancellation, out _), use);
        }
    }

    /// <summary>What an index that is out of date, or an image that is gone, can cause. A directory that makes no sense is damage.</summary>
    private static bool MayBeStale(ImageBackupException failure) => failure.Id == ErrorId.ItemUnreadable
        ? failure.InnerException is BlockReadException
        : failure.Id is not (ErrorId.Cancelled or ErrorId.RepositoryNotConnected or ErrorId.ItemNotFound);

    private DriveLease? Leased(OpenImage open, Func<OpenImage, DriveLease?> use)
    {
        DriveLease? lease = null;
        try
        {
            return lease = use(open);
        }
        finally
        {
            if (lease is null)
                Return(open);
        }
    }

    /// <summary>The image, with one user more.</summary>
    private OpenImage Open(DriveImage image, CancellationToken cancellation, out bool isNew)
    {
        ImageRepository repository = repositoryOf();
        lock (_lock)
        {
            ThrowIfDisposed();
            for (LinkedListNode<OpenImage>? node = _open.First; node is not null; node = node.Next)
            {
                if (node.Value.Source.Image.Id != image.Info.Id)
                    continue;
                _open.Remove(node);
                _open.AddLast(node);
                node.Value.UserCount++;
                isNew = false;
                return node.Value;
            }
            ThrowIfRemoved(image);
            if (_index is null || !_indexedIds.Contains(image.Info.Id))
            {
                _indexedIds = [.. _recordIds];
                _index = ItemRepository.OpenUnlocked(repository, cancellation);
            }
            Interlocked.Increment(ref _lookupCount);
            var open = new OpenImage(ItemSource.Open(_index, image.Info.Id, CacheBytes, cancellation)) { UserCount = 1 };
            while (_open.Count >= MaxOpenCount)
                Forget(_open.First!.Value);
            _open.AddLast(open);
            isNew = true;
            return open;
        }
    }

    // Under the lock.
    private void Forget(OpenImage image)
    {
        if (!_open.Remove(image))
            return;
        image.IsForgotten = true;
        if (image.UserCount == 0)
            image.Dispose();
    }

    /// <summary>A failure as an error that says so if the image is gone. The next use opens the image anew.</summary>
    private Exception Explain(Exception failure, OpenImage image, string path)
    {
        Exception known = ErrorOf(failure, image, path);
        if (known is not ImageBackupException error || !MayBeStale(error))
            return known;
        try
        {
            ThrowIfRemoved(new DriveImage("", image.Source.Image));
        }
        catch (ImageBackupException gone)
        {
            return gone;
        }
        lock (_lock)
        {
            Forget(image);
            _index = null;
        }
        return known;
    }

    private DriveCatalog CatalogOf(bool isNew, CancellationToken cancellation)
    {
        ImageRepository repository = repositoryOf();
        lock (_lock)
        {
            if (_catalog is not null && !isNew)
                return _catalog;
            Interlocked.Increment(ref _lookupCount);
            HashSet<string> ids = ImageCatalog.ListIds(repository);
            _sinceListed = Stopwatch.StartNew();
            if (_catalog is not null && ids.SetEquals(_recordIds) && DateTime.UtcNow - _catalogRead is var age && age >= TimeSpan.Zero && age < s_catalogAge)
                return _catalog;
            _images ??= new ImageCatalog(repository);
            _catalog = DriveCatalog.Of(_images.List(new ImageFilter { IncludeInactive = true }, failure => OnWarning?.Invoke(failure), cancellation));
            _recordIds = ids;
            _catalogRead = DateTime.UtcNow;
            return _catalog;
        }
    }

    /// <summary>Closes the images; one that is being read, when that has ended.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            while (_open.First is { } node)
                Forget(node.Value);
            _index = null;
            _catalog = null;
        }
    }
}
