using System;
using System.Collections.Generic;
using System.Linq;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Retention;

namespace ImageBackup.Engine.Images.Catalog;

/// <summary>
/// By which classes, statements and clock images are evaluated. The repository's classes speak for all computers' images,
/// this computer's own for its images only; if neither has the class, the values that the image recorded count.
/// </summary>
internal sealed record ImageRetention
{
    /// <summary>This computer's classes; null if they are not known: then its images are evaluated as another's.</summary>
    public ManagementClassDocument? MachineClasses { get; init; }

    /// <summary>The classes in the repository's keeping.</summary>
    public ManagementClassDocument? EnforcedClasses { get; init; }

    /// <summary>Whose classes the machine's are.</summary>
    public string ComputerName { get; init; } = LocalHost.Name;

    /// <summary>No image younger than this expires.</summary>
    public TimeSpan KeepWithin { get; init; }

    /// <summary>Volumes stated to be gone, beside those that the repository has on record.</summary>
    public IReadOnlyList<VolumeRemoval> Removals { get; init; } = Array.Empty<VolumeRemoval>();

    /// <summary>The clock; null: now.</summary>
    public DateTimeOffset? Now { get; init; }

    /// <summary>The images, in the same order, with what retention says of each.</summary>
    /// <param name="images">All images of the repository: an image is evaluated by those after it.</param>
    /// <param name="recorded">The removals that the repository has on record.</param>
    /// <exception cref="ImageBackupException">ManagementClassNotFound: the default class that the machine's file names does not exist.</exception>
    internal List<ImageBackupInfo> Evaluate(IReadOnlyList<ImageBackupInfo> images, IEnumerable<VolumeRemoval> recorded)
    {
        DateTimeOffset now = Now ?? DateTimeOffset.Now;
        ManagementClassCatalog? own = MachineClasses is null ? null : new ManagementClassCatalog(MachineClasses, EnforcedClasses);
        var engine = new RetentionEngine(image => ClassOf(image, own), now, KeepWithin);
        IReadOnlyList<RetentionResult> verdicts = engine.Evaluate(images.Select(Describe).ToList(), recorded.Concat(Removals).Select(removal => ImageHistories.Resolve(images, removal)));
        var newest = new Dictionary<(string, string), string>();
        foreach (ImageBackupInfo image in images)
            newest[ImageHistories.KeyOf(image)] = image.Id;
        return images.Zip(verdicts, (image, verdict) => image with
        {
            // A clock that is wrong (rescue media often has none) puts every image out of time: the newest is shown as active
            // all the same.
            IsActive = verdict.IsActive || IsOutOfTime(verdict) && newest[ImageHistories.KeyOf(image)] == image.Id,
            IsTimeImpossible = IsOutOfTime(verdict),
            InactiveSince = verdict.InactiveSince?.LocalDateTime,
            ExpiresAt = verdict.ExpiresAt is { } at ? at.UtcDateTime == DateTime.MaxValue ? DateTime.MaxValue : at.LocalDateTime : null,
            IsExpired = verdict.IsExpired,
            KeptBy = verdict.KeptBy,
            ExpiryReason = verdict.Reason,
            RetentionSource = verdict.ValuesSource,
        }).ToList();
    }

    private ManagementClass? ClassOf(RetentionImage image, ManagementClassCatalog? own)
    {
        if (own is not null && string.Equals(image.ComputerName, ComputerName, StringComparison.OrdinalIgnoreCase))
            return own.Find(image.ManagementClass);
        return EnforcedClasses?.Classes.FirstOrDefault(each => ManagementClass.IsSameName(each.Name, image.ManagementClass));
    }

    private static bool IsOutOfTime(RetentionResult verdict) => verdict.Reason is RetentionReason.FutureTime or RetentionReason.PastTime;

    private static RetentionImage Describe(ImageBackupInfo image) => new()
    {
        Id = image.Id,
        Volume = image.VolumeId,
        ComputerName = image.ComputerName,
        Time = image.RecordedTime ?? new DateTimeOffset(image.BackupTime.ToUniversalTime(), TimeSpan.Zero),
        Tags = image.IsOurs ? [.. image.Tags, ImageTag.Name] : image.Tags,
        IsPinned = image.IsPinned,
        ManagementClass = image.ManagementClass,
        Recorded = image.Retention,
    };
}
