using System;
using System.Collections.Generic;
using System.Diagnostics;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Items;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that look inside images. An image is opened once for the whole pipeline, and so is its repository's index.</summary>
public abstract class ImageBrowsingCmdlet : RepositoryCmdlet
{
    /// <summary>Objects that the pipeline is given at once: few at first, so that it gets some soon.</summary>
    private const int MinBatch = 16;
    private const int MaxBatch = 512;

    /// <summary>Of each image's chunks: those of several directories, and what is read ahead.</summary>
    private const long CacheBytes = 16 << 20;

    private static readonly TimeSpan s_batchTime = TimeSpan.FromMilliseconds(200);

    private readonly Dictionary<string, ItemSource> _sources = new(StringComparer.Ordinal);
    private readonly Dictionary<ImageRepository, ImageCatalog> _catalogs = [];
    private readonly Dictionary<ImageRepository, ItemRepository> _repositories = [];
    private readonly Dictionary<string, string> _ids = new(StringComparer.Ordinal);

    private protected override bool InputNamesRepository => true;

    /// <summary>A repository's images; their records are read once.</summary>
    private protected ImageCatalog Catalog(ImageRepository repository)
    {
        if (!_catalogs.TryGetValue(repository, out ImageCatalog? catalog))
            _catalogs.Add(repository, catalog = new ImageCatalog(repository, RecordsOf(repository)));
        return catalog;
    }

    /// <summary>Opens the image that the argument names, or gives the one that is open.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid, ImageNotFound, FileSystemNotBrowsable, a damage or storage failure.</exception>
    private protected ItemSource Open(ImageArgument argument)
    {
        string idPrefix = argument.NeededId;
        string key = $"{argument.Repository}|{idPrefix}";
        if (_ids.TryGetValue(key, out string? known))
            return _sources[known];
        ImageRepository repository = RepositoryOf(argument);
        bool isNew = false;
        ItemSource source = RunInBackground("Opening an image", _ =>
        {
            ImageBackupInfo image = Catalog(repository).Find(idPrefix, Stop);
            if (_sources.TryGetValue(image.Id, out ItemSource? open))
                return open;
            isNew = true;
            if (_repositories.TryGetValue(repository, out ItemRepository? opened))
                opened.Include(image.Id, Stop);
            else
                _repositories.Add(repository, opened = ItemRepository.Open(repository, [image.Id], Stop));
            return ItemSource.Open(opened, image.Id, CacheBytes, Stop);
        });
        if (isNew)
        {
            _sources.Add(source.Image.Id, source);
            foreach (string note in source.Tree.Notes)
                WriteWarning($"The image {source.Image.ShortId} of '{source.Image.Volume}': {note}");
        }
        _ids.Add(key, source.Image.Id);
        return source;
    }

    private protected void WriteProblems(IEnumerable<ImageBackupException> problems)
    {
        foreach (ImageBackupException problem in problems)
            Attempt(problem.Target, () => throw problem);
    }

    /// <summary>Writes what the background gives while it goes on: the first objects come at once, and the next are found while these are used.</summary>
    /// <param name="activity">What the progress record says.</param>
    /// <param name="objects">Enumerated by the background.</param>
    /// <param name="problems">Filled by the enumeration; each is written behind the objects that came before it.</param>
    private protected void WriteAsTheyCome<T>(string activity, IEnumerable<T> objects, List<ImageBackupException> problems)
    {
        ImageBackupException? failure = RunInBackground(activity, channel =>
        {
            using IEnumerator<T> all = objects.GetEnumerator();
            int size = MinBatch;
            for (bool more = true; more; size = Math.Min(MaxBatch, 2 * size))
            {
                var batch = new List<T>(size);
                ImageBackupException? failed = null;
                var clock = Stopwatch.StartNew();
                try
                {
                    while (batch.Count < size && problems.Count == 0 && clock.Elapsed < s_batchTime)
                    {
                        Stop.ThrowIfCancellationRequested();
                        more = all.MoveNext();
                        if (!more)
                            break;
                        batch.Add(all.Current);
                    }
                }
                catch (ImageBackupException e)
                {
                    // What came before it is good.
                    (failed, more) = (e, false);
                }
                ImageBackupException[] told = [.. problems];
                problems.Clear();
                channel.Write(() => Write(batch, told), Stop);
                if (failed is not null)
                    return failed;
            }
            return null;
        });
        if (failure is not null)
            throw failure;
    }

    private void Write<T>(List<T> batch, ImageBackupException[] problems)
    {
        foreach (T item in batch)
            WriteObject(item, enumerateCollection: false);
        WriteProblems(problems);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (ItemSource source in _sources.Values)
                source.Dispose();
            _sources.Clear();
            foreach (ItemRepository repository in _repositories.Values)
                repository.Dispose();
            _repositories.Clear();
        }
        base.Dispose(disposing);
    }
}
