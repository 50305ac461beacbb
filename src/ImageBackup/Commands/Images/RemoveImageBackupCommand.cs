using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository;

namespace ImageBackup.Commands;

/// <summary>
/// Removes images: those named, or with -Expired those whose time is over. Optimize-ImageRepository then gives back the
/// space that only they took.
/// </summary>
[Cmdlet(VerbsCommon.Remove, "ImageBackup", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, DefaultParameterSetName = ByImage)]
[Alias("Remove-VolumeImage")]
[OutputType(typeof(ImageBackupInfo))]
public sealed class RemoveImageBackupCommand : RetentionCmdlet
{
    private const string ByImage = "ByImage";
    private const string ByExpiry = "Expired";

    private readonly List<ImageArgument> _named = new();

    /// <summary>Objects of Get-ImageBackup, or ids or their beginnings.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByImage, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? ImageBackup { get; set; }

    /// <summary>Remove what has expired: by the classes as they are now, else as the images recorded them.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByExpiry)]
    public SwitchParameter Expired { get; set; }

    /// <summary>
    /// Volumes, by their names in the repository, that are gone from their machine. That is put on record: from now on
    /// their images are inactive, until there is a new one.
    /// </summary>
    [Parameter(ParameterSetName = ByExpiry)]
    [ArgumentCompleter(typeof(ImageVolumeCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? VolumeRemoved { get; set; }

    /// <summary>
    /// Nothing younger than this goes, whatever the classes say: days, a TimeSpan, or text such as 30d. Where machines may
    /// only add to the repository, so forged images cannot push good ones out.
    /// </summary>
    [Parameter(ParameterSetName = ByExpiry)]
    [Duration]
    public TimeSpan KeepWithin { get; set; }

    /// <summary>Only images of these computers; with -VolumeRemoved the one whose volume is gone, by default this one.</summary>
    [Parameter(ParameterSetName = ByExpiry)]
    [ArgumentCompleter(typeof(ImageComputerCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? ComputerName { get; set; }

    /// <summary>Give the images that were removed.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override bool InputNamesRepository => ParameterSetName == ByImage;

    private protected override void Process() => Gather(ImageBackup, _named);

    /// <summary>At the end, so that each repository is listed once and taken for ourselves once, however many images come.</summary>
    private protected override void End()
    {
        if (Expired)
        {
            RemoveExpired();
            return;
        }
        foreach (IGrouping<ImageRepository, ImageArgument> group in _named.GroupBy(RepositoryOf))
        {
            IReadOnlyList<ImageBackupInfo> images = List(group.Key, null);
            Dictionary<string, ImageBackupInfo> byId = images.ToDictionary(image => image.Id, StringComparer.Ordinal);
            var seen = new HashSet<string>(StringComparer.Ordinal);
            var chosen = new List<ImageBackupInfo>();
            foreach (ImageArgument argument in group)
            {
                Attempt(argument.Input, () =>
                {
                    ImageBackupInfo image = byId.TryGetValue(argument.Id!, out ImageBackupInfo? whole) ? whole : ImageCatalog.FindIn(images, argument.Id!, group.Key.Location);
                    if (seen.Add(image.Id) && ShouldProcess(image.FullName(), "Remove the image"))
                        chosen.Add(image);
                });
            }
            Attempt(group.Key.Location, () =>
            {
                if (IsWhatIf && seen.Count > 0)
                    group.Key.CheckChange(isExclusive: true);
                Remove(group.Key, chosen, expiredBy: null);
            });
        }
    }

    private void RemoveExpired()
    {
        if (IsWhatIf)
            Opened.CheckChange(isExclusive: true);
        ImageRetention retention = LoadRetention() with { KeepWithin = KeepWithin };
        if (VolumeRemoved is not null)
            retention = retention with { Removals = StateRemovals(VolumeRemoved) };
        var chosen = new List<ImageBackupInfo>();
        foreach (ImageBackupInfo image in List(Opened, retention).Where(image => ComputerName is null || ComputerName.Contains(image.ComputerName, StringComparer.OrdinalIgnoreCase)))
        {
            // What stays is part of the answer to "what if", and of no other question.
            if (!image.IsExpired && IsWhatIf)
                ShouldProcess(image.FullName(), $"Keep the image{(image.ExpiresAt is { } until ? $" until {DisplayText.Minute(until)}" : "")} by {string.Join(", ", image.KeptBy)}{ClassOf(image)}");
            else if (image.IsExpired && ShouldProcess(image.FullName(), $"Remove the image, expired {(image.ExpiresAt is { } time ? DisplayText.Minute(time) : "already")} by {image.ExpiryReason}{ClassOf(image)}"))
                chosen.Add(image);
        }
        Remove(Opened, chosen, retention);
    }

    private static string ClassOf(ImageBackupInfo image) => image.RetentionSource switch
    {
        RetentionValuesSource.CurrentClass => $" of the class {image.ManagementClass}",
        RetentionValuesSource.Recorded => $" of the class {image.ManagementClass} as the image recorded it",
        _ => "",
    };

    /// <summary>Puts the statements on record; with -WhatIf they count for this run alone.</summary>
    private List<VolumeRemoval> StateRemovals(string[] volumes)
    {
        if (ComputerName is { Length: > 1 })
            throw new ImageBackupException(ErrorId.ParameterInvalid, "-VolumeRemoved needs one computer: name it with -ComputerName.");
        string computer = ComputerName is { Length: 1 } ? ComputerName[0] : LocalHost.Name;
        IReadOnlyList<ImageBackupInfo> images = List(Opened, null);
        var stated = new List<VolumeRemoval>();
        foreach (string volume in volumes)
        {
            ImageBackupInfo newest = NewestOf(images, computer, volume);
            // On record already: the date of that counts.
            if (!newest.IsActive)
                continue;
            var removal = new VolumeRemoval(newest.VolumeId, newest.ComputerName, DateTimeOffset.Now);
            if (ShouldProcess($"{newest.Volume} on {newest.ComputerName}", "Record that the volume is gone"))
                RunInBackground("Putting a statement on record", _ => new RemoveJob(Opened).State(removal, Stop));
            else if (!IsWhatIf)
                continue;
            stated.Add(removal);
        }
        return stated;
    }

    /// <summary>The volume by its id, or by a name that its images have in their records; it is gone, so only the records tell.</summary>
    private static ImageBackupInfo NewestOf(IReadOnlyList<ImageBackupInfo> images, string computer, string volume)
    {
        List<ImageBackupInfo> own = [.. images.Where(image => string.Equals(image.ComputerName, computer, StringComparison.OrdinalIgnoreCase))];
        var filter = new VolumeReference(volume, null);
        return ImageCatalog.NewestOf(own, filter)
            ?? throw new ImageBackupException(ErrorId.ImageNotFound, $"The repository has no image of '{volume}' of the computer '{computer}'.", volume);
    }

    private void Remove(ImageRepository repository, List<ImageBackupInfo> chosen, ImageRetention? expiredBy)
    {
        if (chosen.Count == 0)
            return;
        HashSet<string> removed = RunInBackground("Removing images", channel => new HashSet<string>(
            new RemoveJob(repository, CatalogOf(repository)).Remove(chosen.Select(image => image.Id).ToList(), expiredBy, failure => channel.WriteWarning(failure.Message), Stop), StringComparer.Ordinal));
        // Removed on purpose: the next backup does not miss them.
        RepositoryMemory.Of(repository.Id).Forget(removed);
        foreach (ImageBackupInfo image in chosen.Where(image => removed.Contains(image.Id)))
        {
            WriteVerbose($"Removed {image.FullName()}.");
            if (PassThru)
                WriteObject(image);
        }
    }
}
