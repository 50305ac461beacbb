using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using ImageBackup.Completion;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Commands;

/// <summary>What the rules and classes say: read whole before anything starts, asked for every volume.</summary>
public sealed partial class BackupVolumeImageCommand
{
    private ImageOptions _command = ImageOptions.Empty;
    private ImagePolicy? _policy;

    /// <summary>The management class of the images, whatever the rules say; it must exist.</summary>
    [Parameter]
    [Alias("Class")]
    [ArgumentCompleter(typeof(ManagementClassCompleter))]
    [ValidateNotNullOrEmpty]
    public string? ManagementClass { get; set; }

    private protected override bool NeedsRepository => true;

    private ImagePolicy Policy => _policy ?? throw new InvalidOperationException("The policy has not been read.");

    /// <summary>What the parameters say; options of other parts of the command are added by <see cref="AddCommandOptions"/>.</summary>
    private ImageOptions CommandOptions()
    {
        var options = new ImageOptions
        {
            ImageType = ImageType,
            GapSize = GapSize is null ? null : GapSizeText.Parse(GapSize),
            Compression = Compression,
            SnapshotBackupType = SnapshotBackupType,
        };
        AddCommandOptions(ref options);
        return options;
    }

    partial void AddCommandOptions(ref ImageOptions options);

    /// <summary>An error in rules or classes ends the command here, before any volume is touched.</summary>
    private void BeginPolicy()
    {
        _policy = LoadPolicy();
        if (ManagementClass is not null)
            _ = Policy.Classes.Get(ManagementClass);
        if (Volume is null && !IsGiven(nameof(Volume)) && !MyInvocation.ExpectingInput && Policy.Domain.Count == 0)
            throw new ImageBackupException(ErrorId.NoVolume, "The command names no volume, and no domain.image statement names one.");
    }

    /// <summary>Named by the user it is an error; among the objects of a pipeline it is passed over.</summary>
    private void Exclude(ImageVolume volume, VolumePlan plan, bool isObjectOfPipeline)
    {
        string message = $"{volume.Name} is excluded by the rule {plan.Rule}.";
        if (!isObjectOfPipeline)
            throw new ImageBackupException(ErrorId.VolumeExcluded, message, volume.Name);
        _excluded.Add(volume.Name);
        WriteVerbose(message);
    }

    /// <summary>Named by the user it is an error, or tried; among the objects of a pipeline it is passed over with a warning.</summary>
    /// <returns>False: it is tried.</returns>
    private bool PassOver(ImageVolume volume, ImageObstacle obstacle, bool isObjectOfPipeline)
    {
        if (isObjectOfPipeline)
        {
            _passedOver.Add(volume.Name);
            WriteWarning($"'{volume.Name}' is passed over: {obstacle.Reason}.");
            return true;
        }
        if (obstacle.ErrorByName is { } id)
            throw new ImageBackupException(id, $"'{volume.Name}' is not backed up: {obstacle.Reason}.", volume.Name);
        return false;
    }

    /// <summary>No volume was named: those of domain.image. One that is missing or fails does not stop the others.</summary>
    private void BackupDomain()
    {
        DomainVolumes domain = RunInBackground(
            "Looking at volumes", _ => DomainVolumes.Resolve(Policy.Domain, new VolumeInventory(VolumeSystem.Current), Stop));
        WriteVerbose($"The command names no volume. The volumes of domain.image are backed up: {string.Join(", ", Policy.Domain.Select(pattern => $"'{pattern.Text}'"))}.");
        foreach (string pattern in domain.Unmatched)
            WriteVerbose($"domain.image: no volume matches '{pattern}'.");
        foreach ((string name, ImageBackupException reason) in domain.Failures)
            Attempt(name, Counted(name, () => throw new ImageBackupException(reason.Id, $"domain.image: {reason.Message}", name, reason)));
        if (domain.Volumes.Count == 0 && domain.Failures.Count == 0)
            throw new ImageBackupException(ErrorId.NoVolume, "The command names no volume, and domain.image matches no volume of this machine.");
        IReadOnlyList<ImageBackupInfo>? images = null;
        ForEach(
            domain.Volumes,
            volume => volume.Name,
            volume =>
            {
                VolumePlan plan = PlanOf(Policy, volume, _command, ManagementClass);
                if (plan.IsIncluded && plan.ManagementClass.FrequencyDays > 0 && !IsDue(volume, plan, images ??= Images()))
                {
                    // Wanted, and there already.
                    _wantedCount++;
                    return;
                }
                Backup(volume, isObjectOfPipeline: true);
            },
            volume => volume.UsedBytes ?? volume.SizeBytes);
    }

    /// <summary>An unattended run keeps the class's frequency; who names a volume wants it now.</summary>
    private bool IsDue(ImageVolume volume, VolumePlan plan, IReadOnlyList<ImageBackupInfo> images)
    {
        string computer = ComputerName ?? LocalHost.Name;
        // What a wrong clock dated ahead would keep the volume from its backups for years.
        DateTime? last = images.LastOrDefault(image => (image.VolumeId == volume.VolumeId || image.VolumeId == volume.Identity.StableNameOfClone)
            && !image.IsTimeImpossible && string.Equals(image.ComputerName, computer, StringComparison.OrdinalIgnoreCase))?.BackupTime;
        if (plan.ManagementClass.IsDue(last is { } time ? new DateTimeOffset(time.ToUniversalTime()) : null, DateTimeOffset.Now))
            return true;
        WriteVerbose($"{volume.Name}: its last image is of {last:g}; the class {plan.ManagementClass.Name} wants one every {plan.ManagementClass.FrequencyDays} days.");
        return false;
    }

    private IReadOnlyList<ImageBackupInfo> Images() => RunInBackground(
        "Listing images", channel => new ImageCatalog(Opened, Connection.Records).List(new ImageFilter(), failure => channel.WriteWarning(failure.Message), Stop));

    private static string RuleOf(VolumePlan plan) =>
        $"{(plan.Rule is { } rule ? $"rule {rule}" : "no rule")}, class {plan.ManagementClass.Name}, {plan.Type.Reason}";
}
