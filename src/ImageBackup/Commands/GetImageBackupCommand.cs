using System;
using System.Collections.Generic;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Errors;
using ImageBackup.Engine.Jobs;

namespace ImageBackup.Commands;

/// <summary>Lists the images of a repository: by default the newest of every volume.</summary>
[Cmdlet(VerbsCommon.Get, "ImageBackup")]
[OutputType(typeof(ImageBackupInfo))]
public sealed class GetImageBackupCommand : RetentionCmdlet
{
    private readonly HashSet<string> _given = new(StringComparer.Ordinal);
    private ImageRetention? _retention;

    /// <summary>Volumes as Backup-VolumeImage takes them, or their names in the repository; * and ? are wildcards.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
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
    [ValidateNotNullOrEmpty]
    public string[]? Id { get; set; }

    /// <summary>The newest image of each volume at or before this time.</summary>
    [Parameter]
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
        if (Volume is null)
        {
            if (!MyInvocation.ExpectingInput)
                Write(null);
            return;
        }
        var names = new List<string>();
        foreach (VolumeArgument volume in Volume)
        {
            Attempt(volume.Input, () =>
            {
                if (volume.Name is null)
                    throw new ImageBackupException(ErrorId.ParameterInvalid, volume.Problem ?? "No volume is named.");
                names.AddRange(NamesOf(volume));
            });
        }
        if (names.Count > 0)
            Write(names);
    }

    /// <summary>
    /// The names under which images of the volume may be filed: as written (the volume may be gone), and, where
    /// this machine has it, its stable name.
    /// </summary>
    private List<string> NamesOf(VolumeArgument volume)
    {
        var names = new List<string> { volume.Name! };
        if (!volume.IsFullPath && WildcardPattern.ContainsWildcardCharacters(volume.Name))
            return names;
        try
        {
            string full = VolumeNames.Full(volume, ResolvePath);
            if (!names.Contains(full))
                names.Add(full);
            string stable = RunPumped("Looking at volumes", _ => VolumeNames.Find(full, Stop)).Name;
            if (!names.Contains(stable))
                names.Add(stable);
        }
        catch (ImageBackupException absent)
        {
            WriteVerbose($"{absent.Message} Images are looked up by the name as given.");
        }
        return names;
    }

    private void Write(List<string>? volumes)
    {
        var filter = new ImageFilter
        {
            Volumes = volumes,
            ComputerNames = ComputerName,
            Ids = Id is null ? null : Array.ConvertAll(Id, id => id.Trim().ToLowerInvariant()),
            PointInTime = PointInTime is { } time ? new DateTimeOffset(time) : null,
            Tags = Tag,
            IncludeInactive = IncludeInactive || Id is not null,
            Retention = _retention ??= LoadRetentionForListing(),
        };
        IReadOnlyList<ImageBackupInfo> images = RunPumped(
            "Listing images",
            channel => new ImageCatalog(Opened).List(filter, failure => channel.Warn(failure.Message), Stop));
        foreach (ImageBackupInfo image in images)
        {
            // The same volume may come down the pipeline under two names.
            if (_given.Add(image.Id))
                WriteObject(image);
        }
        foreach (string id in filter.Ids ?? [])
            Attempt(id, () => ThrowIfAbsent(id, images));
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
