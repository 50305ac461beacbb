using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Security;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Copying;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Repository;
using ImageBackup.Pipeline;
using ImageBackup.Session;

namespace ImageBackup.Commands;

/// <summary>Copies images to another repository: what that lacks is sent, encrypted anew.</summary>
[Cmdlet(VerbsCommon.Copy, "ImageBackup", SupportsShouldProcess = true, DefaultParameterSetName = ByFilter)]
[OutputType(typeof(ImageCopyResult), typeof(ImageBackupJob))]
public sealed class CopyImageBackupCommand : RepositoryCmdlet
{
    private const string ByImage = "ByImage";
    private const string ByFilter = "ByFilter";

    private readonly List<ImageArgument> _named = [];
    private readonly List<JobStep> _jobSteps = [];
    private RepositoryConnection? _destination;

    /// <summary>Objects of Get-ImageBackup, or ids or their beginnings. Without any: all images of the repository, chosen by the other parameters.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByImage, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ImageTransformation]
    [ArgumentCompleter(typeof(ImageIdCompleter))]
    public ImageArgument[]? ImageBackup { get; set; }

    /// <summary>
    /// The repository to copy to: a path, a URL as restic writes it, a name or the object of Connect-ImageRepository. May be left out if
    /// RESTIC_FROM_REPOSITORY names the source: then it is the connected repository, or RESTIC_REPOSITORY's.
    /// </summary>
    [Parameter(Position = 1)]
    [RepositoryTransformation]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNull]
    public RepositoryArgument? Destination { get; set; }

    /// <summary>The destination's password; else what the session has, else RESTIC_PASSWORD_COMMAND, RESTIC_PASSWORD_FILE, RESTIC_PASSWORD; else it is asked for.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? DestinationPassword { get; set; }

    /// <summary>The same in a file that Export-ImageRepositoryPassword wrote.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? DestinationPasswordFile { get; set; }

    /// <summary>Only images of volumes whose names or ids match one of these patterns.</summary>
    [Parameter(ParameterSetName = ByFilter)]
    [ArgumentCompleter(typeof(ImageVolumeCompleter))]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[]? Volume { get; set; }

    /// <summary>Only images of these computers.</summary>
    [Parameter(ParameterSetName = ByFilter)]
    [ArgumentCompleter(typeof(ImageComputerCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? ComputerName { get; set; }

    /// <summary>Only images that have all of these tags.</summary>
    [Parameter(ParameterSetName = ByFilter)]
    [ArgumentCompleter(typeof(ImageTagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Tag { get; set; }

    /// <summary>Only the active image of each volume: by default those that newer ones superseded are copied too.</summary>
    [Parameter(ParameterSetName = ByFilter)]
    public SwitchParameter ActiveOnly { get; set; }

    /// <summary>Copy in a job: its object is given at once, after both repositories are open.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    private protected override bool InputNamesRepository => true;

    private protected override void Begin()
    {
        // As restic's copy: RESTIC_FROM_REPOSITORY is where the images are, and RESTIC_REPOSITORY where they go.
        bool isFrom = Repository is null && RepositoryLocation.IsFromInEnvironment;
        if (Destination is null && !isFrom)
        {
            throw new ImageBackupException(ErrorId.ParameterInvalid,
                "The command names no repository to copy to: give -Destination, or set RESTIC_FROM_REPOSITORY to the one to copy from.", nameof(Destination));
        }
        if (isFrom)
        {
            // The password of -Password is the source's.
            Repository = RepositoryArgument.From(OpenOther(RepositoryArgument.From(RepositoryLocation.OfEnvironment(isFrom: true))!, Password, FullPasswordFile(), isFrom: true));
        }
        base.Begin();
        _destination = Destination is null
            ? SessionConnection.Current ?? OpenOther(RepositoryArgument.From(NamedInEnvironment())!, DestinationPassword, DestinationFile(), isFrom: false)
            : OpenOther(Destination, DestinationPassword, DestinationFile(), isFrom: false);
    }

    private static string NamedInEnvironment() => RepositoryLocation.OfEnvironment() ?? throw new ImageBackupException(ErrorId.ParameterInvalid,
        "RESTIC_FROM_REPOSITORY names a repository to copy from, and nothing names one to copy to: give -Destination, or set RESTIC_REPOSITORY.", nameof(Destination));

    private string? DestinationFile() => DestinationPasswordFile is null ? null : ResolvePath(DestinationPasswordFile);

    private protected override void Process() => Gather(ImageBackup, _named);

    /// <summary>At the end, so that both repositories are locked and their indexes read once, however many images come.</summary>
    private protected override void End()
    {
        if (ParameterSetName == ByImage)
        {
            foreach (IGrouping<ImageRepository, ImageArgument> group in _named.GroupBy(RepositoryOf))
                Attempt(group.Key.Location, () => Copy(group.Key, Find(group.Key, group)));
        }
        else
        {
            Copy(Opened, Find(Opened));
        }
        if (_jobSteps.Count > 0)
            StartJob(_jobSteps);
    }

    private List<ImageBackupInfo> Find(ImageRepository repository, IEnumerable<ImageArgument> named)
    {
        var catalog = new ImageCatalog(repository, RecordsOf(repository));
        var images = new List<ImageBackupInfo>();
        foreach (ImageArgument argument in named)
        {
            Attempt(argument.Input, () =>
            {
                ImageBackupInfo image = RunInBackground("Looking for images", _ => catalog.Find(argument.NeededId, Stop));
                if (images.TrueForAll(other => other.Id != image.Id))
                    images.Add(image);
            });
        }
        return images;
    }

    private List<ImageBackupInfo> Find(ImageRepository repository)
    {
        var filter = new ImageFilter { Volumes = Volume, ComputerNames = ComputerName, Tags = Tag, IncludeInactive = !ActiveOnly };
        IReadOnlyList<ImageBackupInfo> found = RunInBackground("Looking for images",
            channel => new ImageCatalog(repository, RecordsOf(repository)).List(filter, failure => channel.WriteWarning(failure.Message), Stop));
        if (found.Count == 0)
            throw new ImageBackupException(ErrorId.ImageNotFound, $"The repository '{repository.Location}' has no such images.", repository.Location);
        return [.. found];
    }

    private void Copy(ImageRepository source, List<ImageBackupInfo> images)
    {
        if (images.Count == 0)
            return;
        RepositoryConnection destination = _destination!;
        images.Sort((a, b) => a.BackupTime.CompareTo(b.BackupTime));
        if (AsJob && !IsWhatIf)
        {
            AddToJob(source, images, destination);
            return;
        }
        using CopyJob job = RunInBackground("Opening both repositories", _ => new CopyJob(source, destination.Repository, IsWhatIf, Stop));
        if (job.IsSourceUnlocked)
            WriteWarning($"The repository '{source.Location}' is read-only here, so it is not locked: an image that is removed meanwhile cannot be copied.");
        if (job.CutsDiffer && images.Exists(image => !image.IsOurs))
        {
            WriteWarning($"restic cuts files differently in '{destination.Location}': its own images among these will share nothing with what restic stores there. "
                + "Images of this module are cut at fixed places and are not affected.");
        }
        foreach (ImageBackupInfo image in images)
            Attempt(image, () => Copy(job, image, destination.Location));
    }

    private void Copy(CopyJob job, ImageBackupInfo image, string destination)
    {
        if (IsWhatIf)
        {
            ImageCopyResult plan = RunInBackground("Looking for what is to be copied", _ => job.Plan(image, Stop));
            string action = plan.IsNew
                ? $"Copy the image to '{destination}': {plan.CopiedChunkCount} of {plan.ChunkCount} chunks, {ViewText.Size(plan.ReadBytes)}"
                : $"Leave the image, which '{destination}' has as {plan.CopyId!.Substring(0, 8)}";
            ShouldProcess(image.FullName(), action);
            return;
        }
        if (ShouldProcess(image.FullName(), $"Copy the image to '{destination}'"))
            WriteObject(RunInBackground($"Copying {image.Volume} to {destination}", channel => job.Copy(image, channel, Stop)));
    }

    private void AddToJob(ImageRepository source, List<ImageBackupInfo> images, RepositoryConnection destination)
    {
        List<ImageBackupInfo> chosen = images.FindAll(image => ShouldProcess(image.FullName(), $"Copy the image to '{destination.Location}'"));
        if (chosen.Count == 0)
            return;
        Dictionary<string, object?> parameters = ParametersForJob(source, nameof(ImageBackup), nameof(Destination), nameof(DestinationPassword), nameof(DestinationPasswordFile),
            nameof(Volume), nameof(ComputerName), nameof(Tag), nameof(ActiveOnly));
        parameters.Add(nameof(ImageBackup), chosen.ToArray());
        parameters.Add(nameof(Destination), new RepositoryConnection(destination.Repository));
        _jobSteps.Add(new JobStep("Copy-ImageBackup", parameters, null));
    }
}
