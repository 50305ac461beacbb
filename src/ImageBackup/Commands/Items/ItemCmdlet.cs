using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Items;
using ImageBackup.Engine.Repository;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that look inside images. An image is opened once for the whole pipeline.</summary>
public abstract class ItemCmdlet : RepositoryCmdlet
{
    /// <summary>Objects that are written before the pipeline hears of the next.</summary>
    private const int MaxBatch = 2000;

    private static readonly TimeSpan s_batchTime = TimeSpan.FromMilliseconds(200);

    private readonly Dictionary<string, ItemSource> _sources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _ids = new(StringComparer.Ordinal);

    /// <summary>An object of Get-ImageBackup, an id or its beginning; or an object of Get-ImageItem.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("ImageBackup", "Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? Image { get; set; }

    /// <summary>Paths in the image, from its volume's root; * ? and [ ] are wildcards. Without one: the root.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[]? Path { get; set; }

    /// <summary>Paths in the image as they are written. The property FullName of an object binds.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("FullName")]
    [ValidateNotNullOrEmpty]
    public string[]? LiteralPath { get; set; }

    private protected override bool InputNamesRepository => true;

    /// <summary>Opens the image that the argument names, or gives the one that is open.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid, ImageNotFound, FileSystemNotBrowsable, a damage or storage failure.</exception>
    private protected ItemSource Open(ImageArgument argument)
    {
        if (argument.Id is not { } idPrefix)
            throw new ImageBackupException(ErrorId.ParameterInvalid, argument.Problem ?? "The argument names no image.");
        string key = $"{argument.Repository}|{idPrefix}";
        if (_ids.TryGetValue(key, out string? known))
            return _sources[known];
        ImageRepository repository = RepositoryOf(argument);
        bool isNew = false;
        ItemSource source = RunInBackground("Opening an image", _ =>
        {
            ImageBackupInfo image = new ImageCatalog(repository).Find(idPrefix, Stop);
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

    /// <summary>The paths that the user named, with their patterns; the root if none is named.</summary>
    private protected IEnumerable<(string Path, IReadOnlyList<ItemPathPart> Parts)> Paths(ItemSource source)
    {
        foreach (string path in LiteralPath ?? [])
            yield return (path, [.. ItemWalk.Split(source, path).Select(name => new ItemPathPart(name, null))]);
        foreach (string path in Path ?? (LiteralPath is null ? [source.Separator.ToString()] : []))
            yield return (path, [.. ItemWalk.Split(source, path).Select(name => Part(source, name))]);
    }

    private static ItemPathPart Part(ItemSource source, string name) => WildcardPattern.ContainsWildcardCharacters(name)
        ? new ItemPathPart(name, Matcher(source, name))
        : new ItemPathPart(WildcardPattern.Unescape(name), null);

    /// <summary>Names in any case on an image of Windows, as written on others.</summary>
    private protected static Func<string, bool> Matcher(ItemSource source, string pattern) =>
        WildcardPattern.Get(pattern, source.IsOfWindows ? WildcardOptions.IgnoreCase : WildcardOptions.None).IsMatch;

    /// <summary>What one path means. Nothing is an error unless the path has a pattern.</summary>
    /// <exception cref="ImageBackupException">ItemNotFound.</exception>
    private protected IReadOnlyList<FoundItem> Find(ItemSource source, string path, IReadOnlyList<ItemPathPart> parts)
    {
        var problems = new List<ImageBackupException>();
        List<FoundItem> found = RunInBackground("Looking for files", _ => new ItemWalk(source, problems.Add).Resolve(parts, Stop).ToList());
        WriteProblems(problems);
        if (found.Count == 0 && problems.Count == 0 && parts.All(part => part.Matches is null))
            throw new ImageBackupException(ErrorId.ItemNotFound, $"The image {source.Image.ShortId} of '{source.Image.Volume}' has no '{path}'.", path);
        return found;
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
