using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>
/// Notices that the newest image that this machine made of a volume is not in the repository any more, though this machine did
/// not remove it: somebody put an older state of the repository back, or took the image away. It is told once.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="memory">What this machine has seen of it.</param>
/// <param name="traces">What the session has read of it; null: nothing.</param>
internal sealed class VanishedImages(ImageRepository repository, RepositoryMemory memory, SnapshotHeaderCache? traces = null)
{
    /// <summary>What to say of one volume; null: nothing. What was said is forgotten.</summary>
    public string? Missing(string computerName, string volume)
    {
        if (memory.NewestOf(computerName, volume) is not { } seen || Gone([seen]).Count == 0)
            return null;
        memory.Forget([seen.Id]);
        return Message(seen);
    }

    /// <summary>What to say of all volumes, without forgetting it: the next backup says it too.</summary>
    public IReadOnlyList<string> AllMissing() => [.. Gone(memory.Images).Select(Message)];

    /// <summary>Remembers an image that was made just now.</summary>
    public void Note(ImageBackupInfo image) =>
        _ = memory.NoteImage(new SeenImage(image.ComputerName, image.Volume, image.Id, new DateTimeOffset(image.BackupTime)));

    /// <summary>What was listed a moment ago tells that an image is there; that one is not is told by a list of now only.</summary>
    private IReadOnlyList<SeenImage> Gone(IReadOnlyList<SeenImage> images)
    {
        if (traces?.RecentIds is { } recent)
            images = Without(images, recent);
        return images.Count == 0 ? images : Without(images, ImageCatalog.ListIds(repository));
    }

    private static List<SeenImage> Without(IReadOnlyList<SeenImage> images, IEnumerable<string> ids)
    {
        var there = new HashSet<string>(ids, StringComparer.Ordinal);
        return images.Where(image => !there.Contains(image.Id)).ToList();
    }

    private string Message(SeenImage seen) => string.Format(CultureInfo.InvariantCulture,
        "The newest image that this machine made of '{0}' ({1}, {2:yyyy-MM-dd HH:mm}) is not in '{3}' any more, and this machine did not remove it. Another user removed it, or put an older state of the repository back.",
        seen.Volume, DisplayText.ShortId(seen.Id), seen.Time.ToLocalTime(), repository.Location);
}
