using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Drive;
using ImageBackup.Engine.Items;

namespace ImageBackup.Commands;

/// <summary>The base of cmdlets that take paths in images.</summary>
public abstract class ItemCmdlet : ImageBrowsingCmdlet
{
    /// <summary>The names of what a drive's path means; null: -Path and -LiteralPath say what is meant.</summary>
    private IReadOnlyList<string>? _namesOnDrive;

    /// <summary>An object of Get-ImageBackup, an id or its beginning; an object of Get-ImageItem; or a path on a drive of images, which needs no other.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("ImageBackup", "Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? Image { get; set; }

    /// <summary>Paths in the image, from its volume's root; * ? and [ ] are wildcards. Without one: the root. Without an image: paths on a drive of images.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[]? Path { get; set; }

    /// <summary>Paths in the image as they are written. The property FullName of an object binds.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("FullName")]
    [ValidateNotNullOrEmpty]
    public string[]? LiteralPath { get; set; }

    /// <summary>Does one thing with each image that the user named, or with each place on a drive of images.</summary>
    /// <exception cref="ImageBackupException">ParameterInvalid: no image is named.</exception>
    private protected void EachImage(Action<ImageArgument> action)
    {
        if (Image is null)
        {
            if (Path is null && LiteralPath is null)
                throw new ImageBackupException(ErrorId.ParameterInvalid, "The command names no image: give one of Get-ImageBackup's, its id, or a path on a drive of images.");
            foreach ((string path, bool isLiteral) in (Path ?? []).Select(path => (path, false)).Concat((LiteralPath ?? []).Select(path => (path, true))))
                Attempt(path, () => OnDrive(path, isLiteral, action));
            return;
        }
        AttemptEach(Image, i => i.Input, argument =>
        {
            if (argument.Id is null && InputProperties.Bare(argument.Input) is string text && DrivePaths.IsOnDrive(SessionState, text))
                OnDrive(text, isLiteral: false, action);
            else
                action(argument);
        });
    }

    private void OnDrive(string path, bool isLiteral, Action<ImageArgument> action)
    {
        IReadOnlyList<PlaceInImage> places = RunHere(() => DrivePaths.Find(SessionState, path, isLiteral, Stop));
        foreach (PlaceInImage place in places)
        {
            if (Image is not null && place.Names.Count > 0 && (Path is not null || LiteralPath is not null))
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"'{path}' leads into an image already: leave -Path and -LiteralPath out.", path);
            _namesOnDrive = Image is not null && place.Names.Count == 0 && (Path is not null || LiteralPath is not null) ? null : place.Names;
            try
            {
                action(ImageArgument.From(place.Image)[0]);
            }
            finally
            {
                _namesOnDrive = null;
            }
        }
    }

    /// <summary>What PowerShell's own paths cannot do is an error of ours.</summary>
    private static T RunHere<T>(Func<T> find)
    {
        try
        {
            return find();
        }
        catch (RuntimeException e) when (e.InnerException is ImageBackupException known)
        {
            throw known;
        }
    }

    /// <summary>The paths that the user named, with their patterns; the root if none is named.</summary>
    private protected IEnumerable<(string Path, IReadOnlyList<ItemPathPart> Parts)> Paths(ItemSource source)
    {
        if (_namesOnDrive is { } names)
        {
            yield return (source.Separator + string.Join(source.Separator.ToString(), names), [.. names.Select(name => new ItemPathPart(name, null))]);
            yield break;
        }
        foreach (string path in LiteralPath ?? [])
            yield return (path, [.. ItemWalk.Split(source, path).Select(name => new ItemPathPart(name, null))]);
        foreach (string path in Path ?? (LiteralPath is null ? [source.Separator.ToString()] : []))
            yield return (path, [.. ItemWalk.Split(source, path).Select(name => ItemPathParts.Of(source, name))]);
    }

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
}
