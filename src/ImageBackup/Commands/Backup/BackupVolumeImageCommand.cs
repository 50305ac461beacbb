using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Quiescing;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Volumes;
using ImageBackup.Pipeline;

namespace ImageBackup.Commands;

/// <summary>Takes volumes to images in a repository. One volume's failure does not stop the others.</summary>
[Cmdlet(VerbsData.Backup, "VolumeImage", SupportsShouldProcess = true)]
[Alias("Backup-ImageVolume")]
[OutputType(typeof(ImageBackupInfo))]
public sealed partial class BackupVolumeImageCommand : PolicyCmdlet
{
    /// <summary>Volumes that were named, whether they could be found or not.</summary>
    private int _namedCount;

    /// <summary>Volumes that rules let through, failed ones too.</summary>
    private int _wantedCount;
    private readonly List<string> _excluded = [];
    private readonly List<string> _passedOver = [];

    /// <summary>
    /// The volumes: letters, \\?\Volume{guid}\, mount points, device paths, LABEL=, UUID=, files that hold a volume;
    /// objects of Get-ImageVolume, Get-Volume and lsblk -J.
    /// </summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "Name")]
    [VolumeTransformation]
    [ArgumentCompleter(typeof(VolumeCompleter))]
    public VolumeArgument[]? Volume { get; set; }

    /// <summary>
    /// Static, Dynamic or Snapshot; by default what rule and class say, else Snapshot if a provider can take the volume, else
    /// Static.
    /// </summary>
    [Parameter]
    [Alias("Type")]
    public ImageType? ImageType { get; set; }

    /// <summary>Bytes in a chunk, a power of two from 64 KiB to 4 MiB; by default what rule and class say, else by the volume's size.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [BlankIsNull]
    [ByteSize]
    public long? ChunkSize { get; set; }

    /// <summary>
    /// Unused runs longer than this are left out: by default what rule and class say, else 32 (KB), with a suffix k, m or g (or KB, MB, GB); 0 stores
    /// everything, the unused tail included. As TSM counts, a number without a suffix is in KB.
    /// </summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? GapSize { get; set; }

    /// <summary>
    /// How the image's data is compressed; by default what rule and class say, else RESTIC_COMPRESSION, else Auto. Data that the
    /// repository has already stays as it was stored.
    /// </summary>
    [Parameter]
    public ImageCompression? Compression { get; set; }

    /// <summary>What applications that take part in a volume snapshot (VSS) are told: Copy, which changes nothing for them, or Full. By default what rule and class say, else Copy.</summary>
    [Parameter]
    public SnapshotBackupType? SnapshotBackupType { get; set; }

    /// <summary>
    /// Stores the content of paging files, hibernation files and shadow storage of NTFS volumes too. Without it they are
    /// left out if that is safe, and the image lists them.
    /// </summary>
    [Parameter]
    public SwitchParameter IncludePageFile { get; set; }

    /// <summary>Tags of the image besides imagebackup.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ImageTagCompleter))]
    [BlankIsNull]
    public string[]? Tag { get; set; }

    /// <summary>The computer to file the image under; by default this one. For disks of another machine.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ImageComputerCompleter))]
    [BlankIsNull]
    public string? ComputerName { get; set; }

    /// <summary>Worker threads; by default one a processor.</summary>
    [Parameter]
    [ValidateRange(1, 1024)]
    public int? ThrottleLimit { get; set; }

    /// <summary>The values that may come with each volume, and that a script block may compute of it.</summary>
    private (string Name, object? Value)[] ValuesOfVolume() => [(nameof(Tag), Tag), (nameof(ComputerName), ComputerName), (nameof(ChunkSize), ChunkSize)];

    /// <summary>Those of <see cref="ValuesOfVolume"/> that the command line gives, once for all volumes.</summary>
    private readonly HashSet<string> _onCommandLine = new(StringComparer.OrdinalIgnoreCase);

    private bool IsOnCommandLine(string parameter) => _onCommandLine.Contains(parameter);

    private protected override void Begin()
    {
        // Nothing of the pipeline is bound yet. What is bound and has no value is a script block, which waits for it.
        foreach ((string name, object? value) in ValuesOfVolume())
        {
            if (!MyInvocation.BoundParameters.TryGetValue(name, out object? bound) || (bound is not null && value is null))
                continue;
            _onCommandLine.Add(name);
            // A variable that was never set is not the same as a row of a list that leaves the cell blank.
            if (value is null or string[] { Length: 0 })
                throw new ImageBackupException(ErrorId.ParameterInvalid, $"-{name} has no value. Give one, or leave -{name} out.", name);
        }
        ThrowIfUnusable();
        _command = CommandOptions();
        base.Begin();
        BeginPolicy();
    }

    /// <summary>What the pipeline may give anew with each volume, and a script block may compute of it.</summary>
    private void ThrowIfUnusable()
    {
        if (ChunkSize is { } size && Engine.Policy.Options.ChunkSize.Of(size) is null)
        {
            throw new ImageBackupException(
                ErrorId.ParameterInvalid, $"A chunk size of {size} bytes cannot be used: a power of two from 64 KiB to 4 MiB is needed.", "ChunkSize");
        }
        ImageTags.ThrowIfUnusable(Tag);
    }

    private protected override void Process()
    {
        // Not the domain list: a variable that was never set must not stand for all that it names.
        ThrowIfNamesNothing(nameof(Volume), Volume?.Length ?? 0);
        if (Volume is null && !MyInvocation.ExpectingInput)
        {
            if (!StartsJob)
                BackupDomain();
            return;
        }
        _namedCount += Volume?.Length ?? 0;
        ForEach(Volume ?? [], v => v.Input, StartsJob ? AddToJob : Backup, StartsJob ? null : UsedBytesOf);
    }

    private static string NameOf(object? target) => target switch
    {
        ImageVolume volume => volume.Name,
        BackupRequest request => request.Volume.Name,
        _ => VolumeArgument.From(target) is [var argument, ..] ? argument.ToString() : $"{target}",
    };

    /// <summary>A backup that did nothing must not look like one that succeeded.</summary>
    private void ThrowIfNothing()
    {
        if (MyInvocation.ExpectingInput && _namedCount == 0 && !HasWrittenError)
            throw new ImageBackupException(ErrorId.NoVolume, "The pipeline was empty: no volume was backed up.");
        if (_excluded.Count > 0 && _wantedCount == 0 && !HasWrittenError)
        {
            throw new ImageBackupException(ErrorId.NoVolume,
                $"No volume was backed up: rules exclude {string.Join(", ", _excluded)}.");
        }
        if (_passedOver.Count > 0 && _wantedCount == 0 && !HasWrittenError)
        {
            throw new ImageBackupException(ErrorId.NoVolume,
                $"No volume was backed up: {string.Join(", ", _passedOver)} {(_passedOver.Count == 1 ? "was" : "were")} passed over.");
        }
    }

    private void Backup(VolumeArgument argument) =>
        Backup(Logged(argument.ToString(), () => Find(argument)), isObjectOfPipeline: argument.IsFullPath && MyInvocation.ExpectingInput);

    /// <summary>What a volume adds to the overall progress; null if that is not known.</summary>
    private long? UsedBytesOf(VolumeArgument argument)
    {
        ImageVolume volume = Find(argument);
        return volume.UsedBytes ?? volume.SizeBytes;
    }

    private ImageVolume Find(VolumeArgument argument)
    {
        string full = ImageBackup.Binding.VolumeNames.FullSource(argument, ResolvePath);
        return RunInBackground("Looking at volumes", _ => ImageBackup.Binding.VolumeNames.Find(full, Stop));
    }

    private void Backup(ImageVolume volume, bool isObjectOfPipeline)
    {
        if (Logged(volume.Name, () => RequestOf(volume, isObjectOfPipeline)) is not { } request)
            return;
        if (SnapshotSet)
            Collect(request, volume);
        else
            WriteImage(RunInBackground(ActivityOf(request), channel => Job(channel.WriteVerbose, channel.WriteWarning).Run(request, channel, Stop)));
    }

    /// <summary>Null if the volume is not to be backed up: excluded, or the user was asked and said no.</summary>
    private BackupRequest? RequestOf(ImageVolume volume, bool isObjectOfPipeline)
    {
        ThrowIfUnusable();
        ImageOptions command = ChunkSize is { } size ? _command with { ChunkSize = Engine.Policy.Options.ChunkSize.Of(size) } : _command;
        VolumePlan plan = PlanOf(Policy, volume, command, ManagementClass);
        if (!plan.IsIncluded)
        {
            Exclude(volume, plan, isObjectOfPipeline);
            return null;
        }
        if (ImageObstacle.Find(volume, plan, Opened.LocalPaths[0], VolumeSystem.Current) is { } obstacle && PassOver(volume, obstacle, isObjectOfPipeline))
            return null;
        _wantedCount++;
        if (volume.SizeBytes <= 0)
            throw new ImageBackupException(ErrorId.VolumeEmpty, $"The volume '{volume.Name}' has a length of 0 bytes.", volume.Name);
        WriteVerbose($"{volume.Name}: {volume.FileSystem ?? "no known file system"}, {ProgressText.Size(volume.SizeBytes)}, taken as {plan.Type.Type} image ({plan.Type.Reason}).");
        QuiesceOptions quiesce = QuiesceOptionsOf(plan);
        string effect = BackupEffect.Describe(volume.Description, plan.Type.Type, quiesce);
        if (!ShouldProcess(volume.Name, $"Back up as {plan.Type.Type} image to {Connection.Location} ({RuleOf(plan)}); {effect}{PaceText}"))
        {
            if (IsWhatIf)
                RunInBackground("Looking at volumes", channel => Job(channel.WriteVerbose, channel.WriteWarning).Check(Request(), Stop));
            return null;
        }
        if (Vanished.Missing(ComputerName ?? LocalHost.Name, volume.Name) is { } missing)
            WriteWarning(missing);
        return Request() with { Twins = TwinsOf(volume) };

        BackupRequest Request() => new()
        {
            Volume = volume.Description,
            Identity = volume.Identity,
            Plan = plan,
            Quiesce = quiesce,
            IncludePageFile = IncludePageFile,
            Tags = Tag ?? [],
            ComputerName = ComputerName,
            ThrottleLimit = ThrottleLimit,
            ReadErrorLimit = ReadErrorLimit,
        };
    }

    /// <summary>Clones, in words: a device path given by hand says which is meant, and the image warns of the other.</summary>
    private string[] TwinsOf(ImageVolume volume)
    {
        var inventory = new VolumeInventory(VolumeSystem.Current);
        IReadOnlyList<ImageVolume> twins = RunInBackground("Looking at volumes", _ => inventory.TwinsOf(volume, Stop));
        foreach (ImageVolume duplicate in RunInBackground("Looking at volumes", _ => inventory.BtrfsDuplicatesOf(volume, Stop)))
        {
            WriteWarning($"'{volume.Name}' and '{duplicate.Name}' bear the same btrfs ({volume.Uuid}): the kernel may take one for the other, and mounting either can destroy data on both. Detach one of them, or give it a new id (btrfstune -u).");
        }
        return [.. twins.Select(twin => $"'{twin.Name}'")];
    }

    private static string ActivityOf(BackupRequest request) => $"Backing up {request.Volume.Name}";

    private VanishedImages Vanished => new(Opened, Connection.Memory, Connection.Traces);

    private void WriteImage(ImageBackupInfo image)
    {
        Vanished.Note(image);
        if (image is { IsFirst: true, ManagementClass: { } name, Retention: { } retention })
            WriteHost($"This is the first image of '{image.Volume}'. Its management class is {name}, which keeps {RetentionText.Of(retention)}. Set-ManagementClass changes the class, Set-IncludeImage gives the volume another.");
        foreach (string warning in image.Warnings)
            WriteWarning(warning.Contains(image.Volume) ? warning : $"{image.Volume}: {warning}");
        foreach (string line in BackupSummary.Of(image))
            WriteVerbose(line);
        WriteObject(image);
        ThrowIfIncomplete(image);
    }
}
