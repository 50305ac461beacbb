using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>Which images to list; null = any.</summary>
internal sealed record ImageFilter
{
    /// <summary>
    /// Patterns (* ?) of volumes' names or ids, or these as they are; any of them. Windows names are compared without case.
    /// </summary>
    public IReadOnlyList<string>? Volumes { get; init; }

    /// <summary>Volumes by names that stand for themselves, beside those of <see cref="Volumes"/>.</summary>
    public IReadOnlyList<VolumeReference>? Named { get; init; }

    /// <summary>If the volume that has a name now has no image: those of the volume that had it.</summary>
    public bool IncludeFormerNames { get; init; }
    public IReadOnlyList<string>? ComputerNames { get; init; }

    /// <summary>Beginnings of ids.</summary>
    public IReadOnlyList<string>? Ids { get; init; }

    /// <summary>The newest image of each volume at or before this time.</summary>
    public DateTimeOffset? PointInTime { get; init; }

    /// <summary>All of them must be there.</summary>
    public IReadOnlyList<string>? Tags { get; init; }
    public bool IncludeInactive { get; init; }

    /// <summary>By what the images are evaluated; null: by what they recorded.</summary>
    public ImageRetention? Retention { get; init; }
}

/// <summary>
/// The images of a repository. Reads only snapshot records, unless one lacks our summary. A snapshot record's file never changes under
/// its name: who lists again with the same catalog, or the same cache, reads only those that came meanwhile.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="cache">What was read of it before; null: nothing.</param>
internal sealed class ImageCatalog(ImageRepository repository, ImageRecordCache? cache = null)
{
    /// <summary>So many snapshot records that hold no image are named; the rest is counted.</summary>
    private const int NamedCount = 10;

    private readonly ImageRecordCache _cache = cache ?? new ImageRecordCache();

    /// <summary>Told, once a listing, of the snapshot records that hold no volume image: restic's, of several files or of directories.</summary>
    public Action<string>? OnPassedOver { get; init; }

    /// <summary>Told, once a listing, how many images are not listed only because they are not active.</summary>
    public Action<int>? OnInactive { get; init; }

    /// <summary>
    /// Lists images, oldest first. A snapshot record that cannot be read is reported to <paramref name="onWarning"/> with its
    /// error and left out.
    /// </summary>
    public IReadOnlyList<ImageBackupInfo> List(ImageFilter filter, Action<Exception>? onWarning, CancellationToken cancellation)
    {
        if (filter is null)
            throw new ArgumentNullException(nameof(filter));
        (IReadOnlyList<ImageBackupInfo> all, IReadOnlyList<(string Id, VolumeRemoval Removal)> statements) = LoadAll(onWarning, cancellation);
        List<ImageBackupInfo> evaluated = (filter.Retention ?? new ImageRetention()).Evaluate(all, statements.Select(s => s.Removal));
        List<ImageBackupInfo> ofComputers = [.. evaluated.Where(i => Matches(filter.ComputerNames, i.ComputerName, ignoreCase: true))];
        HashSet<(string, string)> named = [.. (filter.Named ?? []).SelectMany(name => ImageSelection.Find(ofComputers, name, filter.IncludeFormerNames, onWarning))];
        List<Func<ImageBackupInfo, bool>>? patterns = filter.Volumes?.Select(pattern => PredicateOf(pattern, ofComputers)).ToList();
        bool isAnyVolume = filter.Volumes is null && filter.Named is null;
        IEnumerable<ImageBackupInfo> images = ofComputers
            .Where(i => isAnyVolume || named.Contains(ImageHistories.KeyOf(i)) || patterns is not null && patterns.Exists(isOf => isOf(i)))
            .Where(i => filter.Ids is null || filter.Ids.Any(id => i.Id.StartsWith(id, StringComparison.OrdinalIgnoreCase)))
            .Where(i => filter.Tags is null || filter.Tags.All(i.Tags.Contains));
        if (filter.PointInTime is { } time)
        {
            // An image dated by a wrong clock is used only if there is no other.
            images = images.Where(i => i.BackupTime.ToUniversalTime() <= time.UtcDateTime)
                .GroupBy(ImageHistories.KeyOf)
                .Select(g => g.LastOrDefault(i => !i.IsTimeImpossible) ?? g.Last());
        }
        else if (!filter.IncludeInactive && filter.Ids is null)
        {
            List<ImageBackupInfo> withInactive = [.. images];
            images = withInactive.Where(i => i.IsActive);
            if (withInactive.Exists(i => !i.IsActive))
                OnInactive?.Invoke(withInactive.Count(i => !i.IsActive));
        }
        List<ImageBackupInfo> listed = InOrder(images);
        WarnOfTimes(ofComputers.Where(i => i.IsTimeImpossible && (isAnyVolume || listed.Exists(l => ImageHistories.KeyOf(l) == ImageHistories.KeyOf(i)))), onWarning);
        return listed;
    }

    private static void WarnOfTimes(IEnumerable<ImageBackupInfo> images, Action<Exception>? onWarning)
    {
        foreach (ImageBackupInfo image in images)
        {
            onWarning?.Invoke(new ImageBackupException(ErrorId.ImageTimeImpossible,
                $"The image {image.ShortId} of '{image.Volume}' on {image.ComputerName} is dated {DisplayText.Minute(image.BackupTime.ToUniversalTime())} UTC, which cannot be: a clock was wrong. "
                + "It is listed at that time; it does not count as the newest, does not expire, and makes no other image expire. restic's 'latest' and 'forget' go by the time as it stands.", image.Id));
        }
    }

    /// <summary>A name or id that exists as it is written wins over what it could match as a pattern.</summary>
    private static Func<ImageBackupInfo, bool> PredicateOf(string pattern, List<ImageBackupInfo> images)
    {
        bool IsNamed(ImageBackupInfo image) => image.VolumeId == pattern
            || string.Equals(image.Volume, pattern, ImageSelection.IsWindowsName(image.Volume) ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
        return images.Exists(IsNamed) ? IsNamed : image => IsOf([pattern], image);
    }

    private static bool IsOf(IReadOnlyList<string> patterns, ImageBackupInfo image) =>
        Matches(patterns, image.Volume, ImageSelection.IsWindowsName(image.Volume)) || Matches(patterns, image.VolumeId, ignoreCase: false);

    /// <summary>The newest image of the volume that a name means by the images' own records; null: none has it.</summary>
    /// <param name="images">Images of one computer, oldest first.</param>
    /// <param name="volume">The name.</param>
    /// <exception cref="ImageBackupException">VolumeAmbiguous.</exception>
    public static ImageBackupInfo? NewestOf(IReadOnlyList<ImageBackupInfo> images, VolumeReference volume)
    {
        HashSet<(string, string)> keys = ImageSelection.Find(images, volume, fallBack: false, onWarning: null);
        List<ImageBackupInfo> found = [.. images.Where(image => keys.Contains(ImageHistories.KeyOf(image)))];
        return found.LastOrDefault(image => !image.IsTimeImpossible) ?? found.LastOrDefault();
    }

    /// <summary>One of the images, by the beginning of its id.</summary>
    /// <exception cref="ImageBackupException">ImageNotFound, ImageAmbiguous.</exception>
    public static ImageBackupInfo FindIn(IReadOnlyList<ImageBackupInfo> images, string idPrefix, string location)
    {
        ImageBackupInfo[] found = [.. images.Where(image => image.Id.StartsWith(idPrefix, StringComparison.OrdinalIgnoreCase)).Take(2)];
        return found.Length switch
        {
            1 => found[0],
            0 => throw new ImageBackupException(ErrorId.ImageNotFound, $"No image of '{location}' has an id that begins with '{idPrefix}'.", idPrefix),
            _ => throw new ImageBackupException(ErrorId.ImageAmbiguous, $"Several images of '{location}' have an id that begins with '{idPrefix}'.", idPrefix),
        };
    }

    /// <summary>The ids of all snapshot records, images or not: equal lists mean equal images. Nothing is read.</summary>
    public static HashSet<string> ListIds(ImageRepository repository) => [.. repository.Files.List(StoredKind.Snapshot).Select(file => file.Name)];

    /// <summary>Whether the snapshot record of an image is there. Nothing is read.</summary>
    public static bool Exists(ImageRepository repository, string imageId) => repository.Files.Exists(StoredKind.Snapshot, imageId);

    /// <summary>One image by the beginning of its id.</summary>
    /// <exception cref="ImageBackupException">ImageNotFound, ImageAmbiguous.</exception>
    public ImageBackupInfo Find(string idPrefix, CancellationToken cancellation)
    {
        if (string.IsNullOrEmpty(idPrefix) || !Regex.IsMatch(idPrefix, "^[0-9A-Fa-f]{1,64}$", RegexOptions.CultureInvariant))
            throw new ImageBackupException(ErrorId.ImageNotFound, $"'{idPrefix}' is not the beginning of an image's id.", idPrefix);
        IReadOnlyList<ImageBackupInfo> found = List(new ImageFilter { Ids = [idPrefix] }, onWarning: null, cancellation);
        return found.Count switch
        {
            1 => found[0],
            0 => throw Absent(idPrefix),
            _ => throw new ImageBackupException(ErrorId.ImageAmbiguous, $"{found.Count} images of '{repository.Location}' have an id that begins with '{idPrefix}'.", idPrefix),
        };
    }

    /// <summary>No image has the id: perhaps a snapshot record that holds none has.</summary>
    private ImageBackupException Absent(string idPrefix)
    {
        StoredFile? other = repository.Files.List(StoredKind.Snapshot).Cast<StoredFile?>().FirstOrDefault(file => file!.Value.Name.StartsWith(idPrefix, StringComparison.OrdinalIgnoreCase));
        return other is { } file
            ? WhyNotListed(file.Name)
            : new ImageBackupException(ErrorId.ImageNotFound, $"No image of '{repository.Location}' has an id that begins with '{idPrefix}'.", idPrefix);
    }

    private ImageBackupException WhyNotListed(string id)
    {
        try
        {
            SnapshotRecord snapshot = ImageContent.LoadSnapshot(repository, id);
            if (snapshot.Summary is null)
                _ = ImageContent.FindForeign(repository, repository.LoadIndex(CancellationToken.None), snapshot, CancellationToken.None);
            return new ImageBackupException(ErrorId.ImageInvalid, $"The snapshot record {DisplayText.ShortId(id)} of '{repository.Location}' holds no volume image.", id);
        }
        catch (MissingBlobException missing)
        {
            return UnlistedPacks.Explain(repository, missing, CancellationToken.None);
        }
        catch (ImageBackupException failure)
        {
            return failure;
        }
    }

    private void TellPassedOver(List<(string Id, SnapshotRecord Snapshot)> passedOver)
    {
        if (OnPassedOver is null)
            return;
        IEnumerable<string> named = passedOver.OrderByDescending(each => each.Snapshot.Time).Take(NamedCount).Select(each => string.Format(
            CultureInfo.InvariantCulture, "{0} ({1} on {2}, {3:yyyy-MM-dd HH:mm})",
            DisplayText.ShortId(each.Id), string.Join(", ", each.Snapshot.Paths), each.Snapshot.HostName, each.Snapshot.Time.LocalDateTime));
        OnPassedOver($"{passedOver.Count} snapshot record(s) of '{repository.Location}' hold no volume image and are not listed: {string.Join("; ", named)}"
            + (passedOver.Count > NamedCount ? "; ..." : "."));
    }

    /// <summary>Every image, oldest first and not yet evaluated, and every statement that a volume is gone.</summary>
    internal (IReadOnlyList<ImageBackupInfo> Images, IReadOnlyList<(string Id, VolumeRemoval Removal)> Statements) LoadAll(Action<Exception>? onWarning, CancellationToken cancellation)
    {
        List<StoredFile> files = repository.Files.List(StoredKind.Snapshot).ToList();
        var images = new ConcurrentBag<ImageBackupInfo>();
        var failures = new ConcurrentBag<Exception>();
        var withoutSummary = new ConcurrentBag<NamedRecord>();
        var passedOver = new List<(string Id, SnapshotRecord Snapshot)>();
        var statements = new ConcurrentBag<NamedStatement>();
        Parallel.ForEach(files, new ParallelOptions { CancellationToken = cancellation }, file => SnapshotHeaderCache.Try(failures, () =>
        {
            if (!_cache.TryGet(file.Name, out ImageRecord? record))
            {
                SnapshotRecord snapshot = _cache.Take(file.Name) ?? ImageContent.LoadSnapshot(repository, file.Name);
                if (RecordOf(file.Name, snapshot) is not { } read)
                {
                    withoutSummary.Add(new NamedRecord(file.Name, snapshot));
                    return;
                }
                _cache.Add(file.Name, record = read);
            }
            if (record!.Removal is { } removal)
                statements.Add(new NamedStatement(file.Name, removal));
            if (record.Image is { } image)
                images.Add(image);
        }));
        _cache.Keep([.. files.Select(file => file.Name)]);
        if (!withoutSummary.IsEmpty)
        {
            // restic made these, or rewrote ours and dropped what it does not know: their trees must be asked.
            BlobIndex index = repository.LoadIndex(cancellation);
            foreach ((string id, SnapshotRecord snapshot) in withoutSummary)
            {
                cancellation.ThrowIfCancellationRequested();
                SnapshotHeaderCache.Try(failures, () =>
                {
                    if (ImageContent.LoadMetadata(repository, index, snapshot) is { } metadata)
                        images.Add(ImageInfoBuilder.Build(id, snapshot, metadata, repository.Location));
                    else if (ImageContent.FindForeign(repository, index, snapshot, cancellation) is { } foreign)
                        images.Add(ImageInfoBuilder.BuildForeign(id, snapshot, foreign.Path, foreign.Node.SizeBytes, repository.Location));
                    else
                        passedOver.Add((id, snapshot));
                });
            }
        }
        if (passedOver.Count > 0)
            TellPassedOver(passedOver);
        foreach (Exception failure in onWarning is null ? [] : UnlistedPacks.Explain(repository, [.. failures], cancellation))
            onWarning?.Invoke(failure);
        return (ImageHistories.Assign(InOrder(images)), statements.IsEmpty ? [] : InOrder(statements));
    }

    private static List<(string Id, VolumeRemoval Removal)> InOrder(IEnumerable<NamedStatement> statements) =>
        statements.OrderBy(s => s.Id, StringComparer.Ordinal).Select(s => (s.Id, s.Removal)).ToList();

    // Classes, not tuples: the system's collections of a structure are compiled in every session, and this is on the way of its first list.
    private sealed record NamedRecord(string Id, SnapshotRecord Snapshot);

    private sealed record NamedStatement(string Id, VolumeRemoval Removal);

    /// <summary>What a snapshot record says by itself; null if its tree must be asked.</summary>
    private ImageRecord? RecordOf(string id, SnapshotRecord snapshot)
    {
        if (RemovalRecord.Is(snapshot))
        {
            return new ImageRecord(null, RemovalRecord.Read(snapshot)
                ?? throw repository.Files.Corrupt(StoredKind.Snapshot, id, "it says that a volume is gone, in a way that this version does not understand"));
        }
        if (PolicyRecord.Is(snapshot))
            return new ImageRecord(null, null);
        return snapshot.Summary is { } summary && ImageMetadataJson.Read(summary) is { } metadata
            ? new ImageRecord(ImageInfoBuilder.Build(id, snapshot, metadata, repository.Location), null)
            : null;
    }

    /// <summary>By the moment, not by the clock on the wall, which goes back once a year.</summary>
    private static List<ImageBackupInfo> InOrder(IEnumerable<ImageBackupInfo> images) =>
        images.OrderBy(i => i.BackupTime.ToUniversalTime()).ThenBy(i => i.Id, StringComparer.Ordinal).ToList();
    private static bool Matches(IReadOnlyList<string>? patterns, string value, bool ignoreCase) => patterns is null || patterns.Any(pattern =>
    {
        string expression = "^" + Regex.Escape(pattern).Replace("\\*", ".*").Replace("\\?", ".") + "$";
        RegexOptions options = RegexOptions.CultureInvariant | RegexOptions.Singleline | (ignoreCase ? RegexOptions.IgnoreCase : RegexOptions.None);
        return string.Equals(pattern, value, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal) || Regex.IsMatch(value, expression, options);
    });
}
