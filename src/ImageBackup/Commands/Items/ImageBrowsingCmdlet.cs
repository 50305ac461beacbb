using System;
using System.Collections.Generic;
using System.Diagnostics;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Items;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that look inside images. An image is opened once for the whole pipeline.</summary>
public abstract class ImageBrowsingCmdlet : RepositoryCmdlet
{
    /// <summary>Objects that are written before the pipeline hears of the next.</summary>
    private const int MaxBatch = 2000;

    private static readonly TimeSpan s_batchTime = TimeSpan.FromMilliseconds(200);

    private readonly Dictionary<string, ItemSource> _sources = new(StringComparer.Ordinal);
    private readonly Dictionary<ImageRepository, ImageCatalog> _catalogs = [];
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
            return ItemSource.Open(repository, image.Id, Stop);
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

    private protected void WriteProblems(List<ImageBackupException> problems)
    {
        foreach (ImageBackupException problem in problems.ToArray())
            Attempt(problem.Target, () => throw problem);
        problems.Clear();
    }

    /// <summary>Writes what the background gives while it goes on: the first objects come at once.</summary>
    private protected void WriteAsTheyCome<T>(string activity, IEnumerable<T> objects, List<ImageBackupException> problems)
    {
        using IEnumerator<T> all = objects.GetEnumerator();
        for (bool more = true; more;)
        {
            var batch = new List<T>();
            Exception? failure = null;
            more = RunInBackground(activity, _ =>
            {
                var clock = Stopwatch.StartNew();
                try
                {
                    while (batch.Count < MaxBatch && clock.Elapsed < s_batchTime)
                    {
                        Stop.ThrowIfCancellationRequested();
                        if (!all.MoveNext())
                            return false;
                        batch.Add(all.Current);
                    }
                    return true;
                }
                catch (ImageBackupException e)
                {
                    // What came before it is good.
                    failure = e;
                    return false;
                }
            });
            foreach (T item in batch)
                WriteObject(item, enumerateCollection: false);
            WriteProblems(problems);
            if (failure is not null)
                throw failure;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (ItemSource source in _sources.Values)
                source.Dispose();
            _sources.Clear();
        }
        base.Dispose(disposing);
    }
}
