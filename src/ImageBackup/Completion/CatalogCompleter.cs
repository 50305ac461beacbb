using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Pipeline;
using ImageBackup.Session;

namespace ImageBackup.Completion;

/// <summary>
/// The base of completers that look into a repository: the connected one, or the object that stands at -Repository.
/// A repository that is not open is not opened: that would take a password and a second.
/// </summary>
internal abstract class CatalogCompleter : NameCompleter
{
    private protected override Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound)
    {
        RepositoryConnection? connection = ConnectionOf(bound);
        if (connection is null)
            return _ => [];
        ImageRepository repository = connection.Repository;
        return cancellation => Names(
            new ImageCatalog(repository, connection.Records).List(new ImageFilter { IncludeInactive = true }, onWarning: null, cancellation).Reverse());
    }

    /// <summary>What to offer of these images, the newest of which comes first.</summary>
    private protected abstract IEnumerable<CompletionCandidate> Names(IEnumerable<ImageBackupInfo> images);

    private protected static string Describe(ImageBackupInfo image)
    {
        string time = image.BackupTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
        string text = $"{image.Volume} on {image.ComputerName}, {time}, {image.FileSystem ?? "raw"}, {ProgressText.Size(image.SizeBytes)}";
        if (image.ImageType is { } type)
            text += $", {type}";
        if (image.IsFuzzy)
            text += ", fuzzy";
        if (image.ReadErrors.Count > 0)
            text += ", READ ERRORS";
        return image.IsActive ? text : text + ", inactive";
    }

    /// <summary>The repository that a command line means, if it is open.</summary>
    internal static RepositoryConnection? ConnectionOf(IDictionary bound)
    {
        RepositoryConnection? current = SessionConnection.Current;
        // -Path is a volume's other name if a command takes volumes, else the repository's.
        object? named = bound.Contains("Repository") ? bound["Repository"] : bound.Contains("Path") && !bound.Contains("Volume") ? bound["Path"] : null;
        if (named is null)
            return current;
        RepositoryArgument? argument = RepositoryArgument.From(named);
        if (argument?.Connection is { IsConnected: true } given)
            return given;
        return argument?.Path is { } path ? SessionConnection.Named(path) ?? SessionConnection.At(path) : null;
    }
}

/// <summary>The ids of a repository's images, the newest first; a tooltip says of what each is.</summary>
internal sealed class ImageIdCompleter : CatalogCompleter
{
    private protected override IEnumerable<CompletionCandidate> Names(IEnumerable<ImageBackupInfo> images) =>
        images.Select(i => new CompletionCandidate(
            i.ShortId, Describe(i), string.Format(CultureInfo.InvariantCulture, "{0} {1:yyyy-MM-dd HH:mm} {2}", i.ShortId, i.BackupTime, i.Volume)));
}

/// <summary>The volumes that a repository has images of: they may be gone from their machine.</summary>
internal sealed class ImageVolumeCompleter : CatalogCompleter
{
    private protected override IEnumerable<CompletionCandidate> Names(IEnumerable<ImageBackupInfo> images) =>
        images.GroupBy(i => i.Volume, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.OrdinalIgnoreCase)
            // A name that two volumes had says nothing: their ids do.
            .SelectMany(g => g.Select(i => i.VolumeId).Distinct(StringComparer.Ordinal).Skip(1).Any() ? g.GroupBy(i => i.VolumeId, StringComparer.Ordinal) : [g])
            .Select(g => new CompletionCandidate(g.Key, $"{g.Count()} images, the newest: {Describe(g.First())}"));
}

/// <summary>The computers that a repository has images of.</summary>
internal sealed class ImageComputerCompleter : CatalogCompleter
{
    private protected override IEnumerable<CompletionCandidate> Names(IEnumerable<ImageBackupInfo> images) =>
        images.GroupBy(i => i.ComputerName, StringComparer.OrdinalIgnoreCase)
            .OrderBy(g => g.Key, StringComparer.OrdinalIgnoreCase)
            .Select(g => new CompletionCandidate(g.Key, $"{g.Count()} images, the newest: {Describe(g.First())}"));
}

/// <summary>The tags that a repository's images carry, imagebackup's own aside.</summary>
internal sealed class ImageTagCompleter : CatalogCompleter
{
    private protected override IEnumerable<CompletionCandidate> Names(IEnumerable<ImageBackupInfo> images) =>
        images.SelectMany(i => i.Tags, (image, tag) => (image, tag))
            .GroupBy(t => t.tag, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.OrdinalIgnoreCase)
            .Select(g => new CompletionCandidate(g.Key, $"{g.Count()} images, the newest: {Describe(g.First().image)}"));
}
