using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Platform;

namespace ImageBackup.Commands;

/// <summary>Lists the images of a repository: by default the newest of every volume.</summary>
[Cmdlet(VerbsCommon.Get, "ImageBackup")]
[Alias("Get-VolumeImage")]
[OutputType(typeof(ImageBackupInfo))]
public sealed class GetImageBackupCommand : RetentionCmdlet
{
    private readonly HashSet<string> _given = new(StringComparer.Ordinal);
    private ImageRetention? _retention;

    /// <summary>Volumes as Backup-VolumeImage takes them, or their names in the repository; * and ? are wildcards.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "Name")]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(ImageVolumeCompleter))]
    [SupportsWildcards]
    public VolumeArgument[]? Volume { get; set; }

    /// <summary>Only images of these computers.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ImageComputerCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? ComputerName { get; set; }

    /// <summary>Beginnings of ids; inactive images are found too.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    [IdTransformation]
    [ValidateNotNullOrEmpty]
    public string[]? Id { get; set; }

    /// <summary>The newest image of each volume at or before this time.</summary>
    [Parameter]
    [ValidateNotNull]
    public DateTime? PointInTime { get; set; }

    /// <summary>Only images that carry all of these tags.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ImageTagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Tag { get; set; }

    /// <summary>Older images too.</summary>
    [Parameter]
    public SwitchParameter IncludeInactive { get; set; }

    private protected override void Process()
    {
        ThrowIfNamesNothing(nameof(Volume), Volume?.Length ?? 0);
        if (Volume is null)
        {
            if (!MyInvocation.ExpectingInput)
                Attempt(null, () => Write(null, null));
            return;
        }
        var patterns = new List<string>();
        var named = new List<VolumeReference>();
        foreach (VolumeArgument volume in Volume)
        {
            Attempt(volume.Input, () =>
            {
                if (volume.Name is null)
                    throw new ImageBackupException(ErrorId.ParameterInvalid, volume.Problem ?? "The argument names no volume.");
                // What is a pattern matches the names that volumes had, and their ids.
                if (!volume.IsFullPath && NamePattern.Of(volume.Name) is not null)
                    patterns.Add(volume.Name);
                else
                    named.Add(Refer(volume));
            });
        }
        foreach (VolumeReference reference in named)
            Attempt(reference.Name, () => Write(null, [reference]));
        if (patterns.Count > 0)
            Attempt(patterns, () => Write(patterns, null));
    }

    /// <summary>
    /// The volume that has the name here now: its images are meant, whatever it was called then. If nothing has it, the images' own
    /// records are asked; a relative name is asked for as it is written too.
    /// </summary>
    private VolumeReference Refer(VolumeArgument volume)
    {
        string full;
        try
        {
            full = VolumeNames.Full(volume, ResolvePath);
        }
        catch (ImageBackupException absent)
        {
            WriteVerbose($"{absent.Message} Images are looked up by the name as given.");
            return new VolumeReference(volume.Name!, null);
        }
        VolumeReference reference = RunInBackground("Looking at volumes", _ => VolumeNames.Refer(full, Stop));
        if (reference.Present is { } present)
        {
            WriteVerbose($"'{volume.Name}' is '{present.Name}', VolumeId {present.VolumeId}.");
            return reference;
        }
        WriteVerbose($"No volume of this machine is '{full}'. Images are looked up by their own records.");
        return full == volume.Name || volume.Name!.IndexOfAny(['/', '\\']) >= 0 ? reference : reference with { Former = volume.Name };
    }

    private void Write(List<string>? patterns, IReadOnlyList<VolumeReference>? named)
    {
        var filter = new ImageFilter
        {
            Volumes = patterns,
            Named = named,
            ComputerNames = ComputerName,
            Ids = Id is null ? null : Array.ConvertAll(Id, id => id.Trim().ToLowerInvariant()),
            PointInTime = PointInTime is { } time ? new DateTimeOffset(time.ToUniversalTime()) : null,
            Tags = Tag,
            IncludeInactive = IncludeInactive || Id is not null,
            Retention = _retention ??= LoadRetentionForListing(),
        };
        IReadOnlyList<ImageBackupInfo> images = List(filter);
        // An id is what most lists show, so hands type it in the first place.
        if (images.Count == 0 && Id is null && filter.Named is [var asked] && (asked.Former ?? asked.Name) is var written && IsIdBeginning(written))
            images = List(filter with { Named = null, Ids = [written.ToLowerInvariant()], IncludeInactive = true });
        foreach (ImageBackupInfo image in images)
        {
            // The same volume may come down the pipeline under two names.
            if (_given.Add(image.Id))
                WriteObject(image);
        }
        foreach (string id in filter.Ids ?? [])
            Attempt(id, () => ThrowIfAbsent(id, images));
        if (images.Count == 0 && Id is null)
            ExplainNothing(filter);
    }

    private IReadOnlyList<ImageBackupInfo> List(ImageFilter filter) => RunInBackground(
        "Listing images",
        channel => new ImageCatalog(Opened, Connection.Records)
        {
            OnPassedOver = channel.WriteVerbose,
            OnInactive = count => channel.WriteVerbose($"{count} inactive {(count == 1 ? "image is" : "images are")} not shown; -IncludeInactive shows {(count == 1 ? "it" : "them")}."),
        }.List(filter, failure => channel.WriteWarning(failure.Message), Stop));

    /// <summary>Four digits at least: fewer begin the ids of many images.</summary>
    private static bool IsIdBeginning(string text) =>
        text.Length is >= 4 and <= 64 && text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f') or (>= 'A' and <= 'F'));

    /// <summary>
    /// Nothing was found. A pattern may match nothing, and so may a volume of the pipeline; a name that was written by hand, and a
    /// point in time, mean an image.
    /// </summary>
    /// <exception cref="ImageBackupException">ImageNotFound.</exception>
    private void ExplainNothing(ImageFilter filter)
    {
        if (filter.PointInTime is { } time)
        {
            throw new ImageBackupException(ErrorId.ImageNotFound,
                $"No image {(filter.Named is [var volume] ? $"of '{volume.Name}' " : "")}had been taken by {DisplayText.Second(time.LocalDateTime)}.", Opened.Location)
            {
                RecommendedAction = "List all images with Get-ImageBackup -IncludeInactive.",
            };
        }
        if (ComputerName is not null && filter.Volumes is null && !MyInvocation.ExpectingInput)
            ThrowIfNoImageOf(ComputerName);
        if (filter.Named is not [var named] || MyInvocation.ExpectingInput)
            return;
        IReadOnlyList<ImageBackupInfo> all = RunInBackground("Listing images",
            _ => new ImageCatalog(Opened, Connection.Records).List(new ImageFilter { Named = filter.Named, IncludeInactive = true }, null, Stop));
        if (all.Count == 0)
            throw new ImageBackupException(ErrorId.ImageNotFound, $"'{Opened.Location}' has no image of '{named.Name}'.", named.Name);
    }

    /// <summary>A computer's name is taken as it is written: no image of it is a mistake in the name, or an image that is missed.</summary>
    private void ThrowIfNoImageOf(string[] computerNames)
    {
        foreach (string name in computerNames)
        {
            IReadOnlyList<ImageBackupInfo> all = RunInBackground("Listing images",
                _ => new ImageCatalog(Opened, Connection.Records).List(new ImageFilter { ComputerNames = [name], IncludeInactive = true }, null, Stop));
            if (all.Count == 0)
            {
                throw new ImageBackupException(ErrorId.ImageNotFound, $"'{Opened.Location}' has no image of the computer '{name}'.", name)
                {
                    RecommendedAction = "List the computers with Get-ImageBackup -IncludeInactive | Group-Object ComputerName.",
                };
            }
        }
    }

    private static void ThrowIfAbsent(string id, IReadOnlyList<ImageBackupInfo> images)
    {
        foreach (ImageBackupInfo image in images)
        {
            if (image.Id.StartsWith(id, StringComparison.Ordinal))
                return;
        }
        throw new ImageBackupException(ErrorId.ImageNotFound, $"No image has an id that begins with '{id}'.", id);
    }
}
