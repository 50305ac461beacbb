using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace ImageBackup.Engine.Items;

/// <summary>
/// Opens images by their number in a list as they are asked for, and keeps the few that were used last: an open image costs memory. One thread.
/// </summary>
/// <param name="repository">Opens them; stays the caller's.</param>
/// <param name="images">The list.</param>
/// <param name="onProblem">Called once with each image that cannot be opened.</param>
internal sealed class ItemSourceCache(ItemRepository repository, IReadOnlyList<ImageBackupInfo> images, Action<ImageBackupException> onProblem) : IDisposable
{
    private const int MaxOpenCount = 4;

    /// <summary>Of each: metadata is read, and now and then some content.</summary>
    private const long CacheBytes = 16 << 20;

    private readonly LinkedList<Opened> _byUse = new();
    private readonly HashSet<int> _failed = [];

    /// <summary>The number of an image that stays open.</summary>
    public int Pinned { get; set; } = -1;

    /// <summary>An open image.</summary>
    internal sealed record Opened(int Number, ItemSource Source, ItemPathCache Paths);

    /// <summary>The image; null if it cannot be opened, which was told. Good until two others were asked for.</summary>
    /// <exception cref="ImageBackupException">The storage is away.</exception>
    public Opened? Get(int number, CancellationToken cancellation)
    {
        if (_failed.Contains(number))
            return null;
        if (_byUse.FirstOrDefault(open => open.Number == number) is { } known)
        {
            _byUse.Remove(known);
            _byUse.AddFirst(known);
            return known;
        }
        if (_byUse.Count >= MaxOpenCount)
        {
            Opened oldest = _byUse.Last(open => open.Number != Pinned);
            _byUse.Remove(oldest);
            oldest.Source.Dispose();
        }
        try
        {
            var source = ItemSource.Open(repository, images[number].Id, CacheBytes, cancellation);
            var opened = new Opened(number, source, new ItemPathCache(source));
            _byUse.AddFirst(opened);
            return opened;
        }
        catch (ImageBackupException e) when (e.Id is ErrorId.FileSystemNotBrowsable or ErrorId.ItemUnreadable or ErrorId.ImageNotFound or ErrorId.ImageInvalid
            or ErrorId.SnapshotCorrupt or ErrorId.ChunkMissing or ErrorId.ChunkCorrupt or ErrorId.PackCorrupt)
        {
            _failed.Add(number);
            onProblem(e);
            return null;
        }
    }

    public void Dispose()
    {
        foreach (Opened open in _byUse)
            open.Source.Dispose();
        _byUse.Clear();
    }
}
