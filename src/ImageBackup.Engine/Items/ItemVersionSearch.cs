using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.FileSystems.Trees;

namespace ImageBackup.Engine.Items;

/// <summary>
/// Finds the versions of items in the images of one volume. An item is found in the newest image that has it, and is looked up from there
/// in the older ones, so that all its versions are known at once and nothing is kept of what was told.
/// </summary>
/// <remarks>One thread.</remarks>
internal sealed class ItemVersionSearch
{
    private const int FirstBatchCount = 16;
    private const int MaxBatchCount = 4096;
    private static readonly TimeSpan s_batchTime = TimeSpan.FromMilliseconds(500);

    private readonly IReadOnlyList<ImageBackupInfo> _images;
    private readonly ItemSourceCache _sources;
    private readonly bool _byContent;
    private readonly Action<ImageBackupException> _onProblem;
    private int _batchCount = FirstBatchCount;

    /// <summary>An item of one image and of all older ones in which it is the same.</summary>
    private sealed class Run(ImageItem newest, FoundItem item, int number)
    {
        public ImageItem Newest { get; } = newest;
        public FoundItem Last { get; set; } = item;
        public List<int> Numbers { get; } = [number];
    }

    /// <param name="images">Newest first, of one volume.</param>
    /// <param name="sources">Opens them by their number in the list.</param>
    /// <param name="byContent">Read contents if neither times nor chunks tell whether they are the same.</param>
    /// <param name="onProblem">Called with what cannot be read.</param>
    public ItemVersionSearch(IReadOnlyList<ImageBackupInfo> images, ItemSourceCache sources, bool byContent, Action<ImageBackupException> onProblem)
    {
        _images = images;
        _sources = sources;
        _byContent = byContent;
        _onProblem = onProblem;
    }

    /// <summary>The versions of all items that a search finds in any of the images: of each item the newest version first.</summary>
    /// <param name="search">The items of one image. What it cannot read it tells.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <exception cref="ImageBackupException">The storage is away.</exception>
    public IEnumerable<ImageItemVersion> Find(Func<ItemSource, ItemWalk, IEnumerable<FoundItem>> search, CancellationToken cancellation)
    {
        for (int number = 0; number < _images.Count; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_sources.Get(number, cancellation) is not { } opened)
                continue;
            // While the batch's versions are looked up other images are opened.
            _sources.Pinned = number;
            ItemSource source = opened.Source;
            using IEnumerator<FoundItem> items = search(source, new ItemWalk(source, _onProblem)).GetEnumerator();
            for (bool more = true; more;)
            {
                var batch = new List<List<Run>>();
                var clock = Stopwatch.StartNew();
                while (batch.Count < _batchCount && clock.Elapsed < s_batchTime && (more = items.MoveNext()))
                    batch.Add([new Run(items.Current.Describe(source), items.Current, number)]);
                _batchCount = Math.Min(MaxBatchCount, _batchCount * 4);
                foreach (ImageItemVersion version in Versions(batch, number, cancellation))
                    yield return version;
            }
        }
    }

    private IEnumerable<ImageItemVersion> Versions(List<List<Run>> batch, int found, CancellationToken cancellation)
    {
        // What a newer image has was told with that image.
        for (int newer = found - 1; newer >= 0 && batch.Count > 0; newer--)
        {
            if (_sources.Get(newer, cancellation) is { } source)
                batch.RemoveAll(runs => TryFind(source, runs[0].Last, cancellation) is not null);
        }
        for (int older = found + 1; older < _images.Count && batch.Count > 0; older++)
        {
            foreach (List<Run> runs in batch)
            {
                // Asked for again each time: the versions that it is compared with may be in several images.
                if (_sources.Get(older, cancellation) is { } source)
                    Extend(runs, source, cancellation);
            }
        }
        foreach (List<Run> runs in batch)
        {
            foreach (Run run in runs)
                yield return Describe(run);
        }
    }

    private void Extend(List<Run> runs, ItemSourceCache.Opened older, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        Run run = runs[runs.Count - 1];
        if (TryFind(older, run.Last, cancellation) is not { } item)
            return;
        if (item.Entry.Kind == run.Last.Entry.Kind && IsSame(older, item, run, cancellation))
        {
            run.Numbers.Add(older.Number);
            run.Last = item;
            return;
        }
        runs.Add(new Run(item.Describe(older.Source), item, older.Number));
    }

    private bool IsSame(ItemSourceCache.Opened older, FoundItem item, Run run, CancellationToken cancellation)
    {
        int number = run.Numbers[run.Numbers.Count - 1];
        return _sources.Get(number, cancellation) is { } newer
            && new ItemPropertyComparison(older.Source, newer.Source, _byContent, _onProblem).Compare(item, run.Last, cancellation).Count == 0;
    }

    private FoundItem? TryFind(ItemSourceCache.Opened image, FoundItem item, CancellationToken cancellation)
    {
        try
        {
            return image.Paths.Find(item.Names, cancellation);
        }
        catch (Exception e) when (ItemSource.Failure(e, item.PathIn(image.Source), item.PathIn(image.Source)) is not null)
        {
            ImageBackupException failure = ItemSource.Failure(e, item.PathIn(image.Source), item.PathIn(image.Source))!;
            if (failure.Id != ErrorId.ItemUnreadable)
                throw failure;
            _onProblem(new ImageBackupException(failure.Id, $"In the image {image.Source.Image.ShortId}: {failure.Message}", failure.Target, failure));
            return null;
        }
    }

    private ImageItemVersion Describe(Run run)
    {
        ImageBackupInfo newest = _images[run.Numbers[0]], oldest = _images[run.Numbers[run.Numbers.Count - 1]];
        return new ImageItemVersion
        {
            ImageItem = run.Newest,
            Volume = newest.Volume,
            ComputerName = newest.ComputerName,
            ImageTime = newest.BackupTime,
            OldestImageTime = oldest.BackupTime,
            ImageIds = [.. run.Numbers.Select(number => _images[number].Id)],
        };
    }
}
