using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>
/// Takes an image back to its volume, to another one or to a file. Everything that can be checked is checked before
/// it asks, and before a byte is written.
/// </summary>
[Cmdlet(VerbsData.Restore, "VolumeImage", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High, DefaultParameterSetName = ByImage)]
[Alias("Restore-ImageBackup")]
[OutputType(typeof(RestoreResult))]
public sealed partial class RestoreVolumeImageCommand : RepositoryCmdlet
{
    private const string ByImage = "ByImage";
    private const string ByVolume = "ByVolume";

    /// <summary>Targets that this command has restored to: a second image over the first is a mistake.</summary>
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);
    private int _namedCount;

    /// <summary>An object of Get-ImageBackup, or an id or its beginning.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByImage, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? ImageBackup { get; set; }

    /// <summary>The source volume, by its name in the repository: its newest image, or the one of -PointInTime.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByVolume)]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(ImageVolumeCompleter))]
    [ValidateCount(1, 1)]
    public VolumeArgument[]? Volume { get; set; }

    /// <summary>The newest image at or before this time.</summary>
    [Parameter(ParameterSetName = ByVolume)]
    [ValidateNotNull]
    public DateTime? PointInTime { get; set; }

    /// <summary>The computer that the image is of; by default this one, else the only one that has the volume.</summary>
    [Parameter(ParameterSetName = ByVolume)]
    [ArgumentCompleter(typeof(ImageComputerCompleter))]
    [ValidateNotNullOrEmpty]
    public string? ComputerName { get; set; }

    /// <summary>A volume or a file; by default the volume that the image was taken of, on this machine. An object's property Destination binds.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Target")]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    [ValidateCount(1, 1)]
    public VolumeArgument[]? Destination { get; set; }

    /// <summary>Read back what was written and compare.</summary>
    [Parameter]
    public SwitchParameter VerifyTarget { get; set; }

    /// <summary>Read the target and write only what differs: the way to resume.</summary>
    [Parameter]
    public SwitchParameter SkipUnchanged { get; set; }

    /// <summary>
    /// Clear what the image does not use. Without it, unused ranges of a device are discarded if it can, else left as
    /// they are.
    /// </summary>
    [Parameter]
    public SwitchParameter ZeroUnused { get; set; }

    /// <summary>
    /// Restore all that is whole of a damaged image: if a chunk is missing or corrupt zeros are left, and the result's
    /// CorruptRanges lists them.
    /// </summary>
    [Parameter]
    public SwitchParameter SkipCorrupt { get; set; }

    /// <summary>Worker threads; by default one a processor.</summary>
    [Parameter]
    [ValidateRange(1, 1024)]
    public int? ThrottleLimit { get; set; }

    /// <summary>
    /// Do not ask, replace a file that exists once the new one is whole, and overwrite what may belong to something larger or to another
    /// computer, or has the wrong sectors. The other checks stay.
    /// </summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override bool InputNamesRepository => ParameterSetName == ByImage;

    private protected override void Process()
    {
        if (Volume is { Length: 1 } volume)
        {
            Attempt(volume[0].Input, () => Restore(Opened, FindByVolume(volume[0])));
            return;
        }
        _namedCount += ImageBackup?.Length ?? 0;
        AttemptEach(ImageBackup ?? [], i => i.Input, Restore);
    }

    /// <summary>A restore that did nothing must not look like one that succeeded.</summary>
    private void ThrowIfNothing()
    {
        if (MyInvocation.ExpectingInput && _namedCount == 0 && !HasWrittenError)
            throw new ImageBackupException(ErrorId.ImageNotFound, "The pipeline was empty: no image was restored.");
    }

    private void Restore(ImageArgument argument)
    {
        string idPrefix = argument.NeededId;
        ImageRepository repository = RepositoryOf(argument);
        Restore(repository, RunInBackground("Finding the image", _ => new ImageCatalog(repository, RecordsOf(repository)).Find(idPrefix, Stop)));
    }

    private ImageBackupInfo FindByVolume(VolumeArgument volume)
    {
        string written = VolumeNames.FullSource(volume, ResolvePath);
        return RunInBackground("Finding the image", channel =>
        {
            // A volume that is gone is what restores are for: then the name is looked up in the images' own records.
            IReadOnlyList<ImageBackupInfo> images = new ImageCatalog(Opened, Connection.Records).List(
                new ImageFilter
                {
                    Named = [VolumeNames.Refer(written, Stop)],
                    IncludeFormerNames = true,
                    ComputerNames = ComputerName is null ? null : [ComputerName],
                    PointInTime = PointInTime is { } time ? new DateTimeOffset(time.ToUniversalTime()) : null,
                },
                failure => channel.WriteWarning(failure.Message),
                Stop);
            return Choose(images, written);
        });
    }

    /// <summary>This computer's image if there is one; else the only computer's.</summary>
    private static ImageBackupInfo Choose(IReadOnlyList<ImageBackupInfo> images, string volume)
    {
        ImageBackupInfo? newest = null;
        ImageBackupInfo? own = null;
        bool severalComputers = false;
        foreach (ImageBackupInfo image in images)
        {
            severalComputers |= newest is not null && newest.ComputerName != image.ComputerName;
            // An image that a wrong clock dated is the newest only if there is no other.
            newest = Newer(newest, image);
            if (string.Equals(image.ComputerName, LocalHost.Name, StringComparison.OrdinalIgnoreCase))
                own = Newer(own, image);
        }
        if (own is not null)
            return own;
        if (newest is null)
            throw new ImageBackupException(ErrorId.ImageNotFound, $"The repository has no image of '{volume}'.", volume);
        if (severalComputers)
        {
            throw new ImageBackupException(
                ErrorId.ImageAmbiguous, $"Several computers have images of '{volume}': name one with -ComputerName.", volume)
            {
                RecommendedAction = "Name the computer with -ComputerName, or the image by its id.",
            };
        }
        return newest;
    }

    private static ImageBackupInfo Newer(ImageBackupInfo? one, ImageBackupInfo later) =>
        one is { IsTimeImpossible: false } && later.IsTimeImpossible ? one : later;

    private void Restore(ImageRepository repository, ImageBackupInfo image)
    {
        string destination = DestinationOf(image);
        if (_written.Contains(destination))
        {
            throw new ImageBackupException(
                ErrorId.ParameterInvalid, $"'{destination}' has just been restored from another image: give each image another destination.", destination);
        }
        var request = new RestoreRequest
        {
            ImageId = image.Id,
            Destination = destination,
            SkipUnchanged = SkipUnchanged,
            ZeroUnused = ZeroUnused,
            VerifyTarget = VerifyTarget,
            ReplaceFile = Force,
            Force = Force,
            Confirmed = Destination is { Length: 1 } given ? given[0].Confirmed : null,
            SkipCorrupt = SkipCorrupt,
            ThrottleLimit = ThrottleLimit,
        };
        var job = new RestoreJob(repository, VolumeSystem.Current);
        RestoreCheck check = RunInBackground("Checking the image and the target", _ => job.Check(request, Stop));
        foreach (string warning in check.Warnings)
            WriteWarning(warning);
        if (!ShouldProcessUnlessForced(destination, Question(check) + PaceText, Force) || !MayOverwrite(check))
            return;
        if (AsJob)
        {
            AddToJob(repository, image, destination, check.Confirmed);
            return;
        }
        // A warning is not repeated.
        request = request with { Confirmed = check.Confirmed };
        RestoreResult result = RunInBackground($"Restoring {image.Volume} to {destination}", channel => job.Run(request, channel, Stop));
        _written.Add(destination);
        foreach (string warning in result.Warnings)
        {
            if (!check.Warnings.Contains(warning))
                WriteWarning($"{result.Destination}: {warning}");
        }
        foreach (string cleared in result.ClearedSignatures)
            WriteVerbose($"{result.Destination}: cleared the signatures of earlier content: {cleared}.");
        WriteObject(result);
        if (result.CorruptRanges.Count > 0)
        {
            throw new ImageBackupException(
                ErrorId.SomeDataUnreadable,
                $"'{result.Destination}' was restored but for {result.CorruptRanges.Count} range(s), which are zeros; the first is at offset {result.CorruptRanges[0].OffsetBytes}. The result's CorruptRanges lists them.",
                result.ImageId);
        }
    }

    /// <summary>What is there now, and what takes its place.</summary>
    private static string Question(RestoreCheck check)
    {
        ImageBackupInfo image = check.Image;
        string now = check.NowBytes is { } bytes ? $"{check.Now}, {ProgressText.Size(bytes)}," : check.Now;
        string content = (image.FileSystem ?? "no known file system") + (image.Label is { } label ? $" '{label}'" : "");
        return $"Overwrite {now} with the image {image.ShortId} of '{image.Volume}' on {image.ComputerName}, taken {DisplayText.Second(image.BackupTime)}: {content}, {ProgressText.Size(image.SizeBytes)}";
    }

    /// <summary>-Force overwrites a target that may be in use although no program uses it now; that is a question of its own, unless -Confirm:$false answers it.</summary>
    private bool MayOverwrite(RestoreCheck check)
    {
        bool answered = MyInvocation.BoundParameters.TryGetValue("Confirm", out object? confirm) && !LanguagePrimitives.IsTrue(confirm);
        return check.Valuables.Count == 0 || answered || ShouldContinue(
            $"'{check.Destination}' holds {string.Join(" and ", check.Valuables)}. Nobody uses it now, but it may belong to something larger. All of it will be lost. Overwrite it?",
            "Overwrite a target that is not a plain file system");
    }

    private string DestinationOf(ImageBackupInfo image)
    {
        if (Destination is { Length: 1 } given)
        {
            string name = VolumeNames.Full(given[0], ResolvePath);
            return VolumeNames.IsTag(name)
                ? RunInBackground("Looking at volumes", _ => VolumeNames.Find(name, Stop)).Name
                : name;
        }
        if (string.Equals(image.ComputerName, LocalHost.Name, StringComparison.OrdinalIgnoreCase))
        {
            OriginalVolume original = RunInBackground("Looking for the image's volume", _ => OriginalVolume.Find(image, VolumeSystem.Current, Stop));
            foreach (string warning in original.Warnings)
                WriteWarning(warning);
            return original.Name;
        }
        throw new ImageBackupException(
            ErrorId.ParameterInvalid,
            $"The image {image.ShortId} is of a volume of the computer '{image.ComputerName}': name the target with -Destination.",
            image.Id);
    }
}
