using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Storage;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>
/// Notices that the newest image that this machine made of a volume is not in the repository any more, though this machine did
/// not remove it: somebody put an older state of the repository back, or took the image away. It is told once.
/// </summary>
internal sealed class VanishedImages(ImageRepository repository, RepositoryMemory memory)
{
    /// <summary>What to say of one volume; null: nothing. What was said is forgotten.</summary>
    public string? Missing(string computerName, string volume)
    {
        if (memory.NewestOf(computerName, volume) is not { } seen || Ids().Contains(seen.Id))
            return null;
        memory.Forget([seen.Id]);
        return Message(seen);
    }

    /// <summary>What to say of all volumes, without forgetting it: the next backup says it too.</summary>
    public IReadOnlyList<string> AllMissing()
    {
        IReadOnlyList<SeenImage> images = memory.Images;
        if (images.Count == 0)
            return [];
        HashSet<string> ids = Ids();
        return [.. images.Where(image => !ids.Contains(image.Id)).Select(Message)];
    }

    /// <summary>Remembers an image that was made just now.</summary>
    public void Note(ImageBackupInfo image) =>
        _ = memory.NoteImage(new SeenImage(image.ComputerName, image.Volume, image.Id, new DateTimeOffset(image.BackupTime)));

    private HashSet<string> Ids() => new(repository.Files.List(StoredKind.Snapshot).Select(file => file.Name), StringComparer.Ordinal);

    private string Message(SeenImage seen) => string.Format(CultureInfo.InvariantCulture,
        "The newest image that this machine made of '{0}' ({1}, {2:yyyy-MM-dd HH:mm}) is not in '{3}' any more, and this machine did not remove it. Another user removed it, or put an older state of the repository back.",
        seen.Volume, DisplayText.ShortId(seen.Id), seen.Time.ToLocalTime(), repository.Location);
}
