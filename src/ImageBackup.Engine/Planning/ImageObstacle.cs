using System;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Volumes;

namespace ImageBackup.Engine.Planning;

/// <summary>
/// Why no image of a volume is taken, as far as it can be told without opening the volume. Among the objects of a pipeline and the
/// volumes of domain.image such a volume is passed over with a warning.
/// </summary>
/// <param name="Reason">One clause without a capital or a full stop.</param>
/// <param name="ErrorByName">The error if the user named this very volume; null: its opening tells, and may have to be repeated.</param>
internal sealed record ImageObstacle(string Reason, ErrorId? ErrorByName)
{
    /// <summary>File systems that nobody can write to: what lies on them is still on the medium that it came from.</summary>
    private static readonly string[] s_readOnlyFileSystems = ["iso9660", "squashfs", "erofs", "cramfs", "romfs"];

    /// <param name="volume">The volume, probed.</param>
    /// <param name="plan">What the policy says of it; null: the rules were not asked, and nothing is quiesced by them.</param>
    /// <param name="repositoryPath">Where the repository is; null: not known.</param>
    /// <param name="volumes">The system's volumes.</param>
    public static ImageObstacle? Find(ImageVolume volume, VolumePlan? plan, string? repositoryPath, IVolumeSystem volumes)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        if (volumes is null)
            throw new ArgumentNullException(nameof(volumes));
        VolumeDescription description = volume.Description;
        bool isDevice = description.Kind != VolumeKind.File;
        if (isDevice && description.SizeBytes == 0)
            return new ImageObstacle(description.IsRemovable ? "there is no medium in the drive" : "it has a length of 0 bytes", ErrorId.VolumeEmpty);
        // Before the layers: active swap is one of them.
        if (volume.FileSystem == "swap")
            return new ImageObstacle("it is a swap area, which holds nothing after a restart", ErrorOfContent(plan));
        if (isDevice && !description.IsMounted && description.Holders.Count > 0)
            return new ImageObstacle($"it is a part of {string.Join(", ", description.Holders)}", null);
        if (isDevice && IsReadOnlyMedium(volume))
            return new ImageObstacle("it is a read-only medium", ErrorOfContent(plan));
        if (plan is { Type: { Type: ImageType.Static, Quiesce.EndsDynamic: false } }
            && volumes.WhyNeeded(description, repositoryPath is null ? [] : [repositoryPath]) is { } needed)
        {
            return new ImageObstacle($"{needed}, so a static image cannot be taken of it", ErrorId.VolumeNeeded);
        }
        return null;
    }

    /// <summary>Who asks for a type of image, for this volume or this run, wants the content as it is.</summary>
    private static ErrorId? ErrorOfContent(VolumePlan? plan) =>
        plan?.Type.Source is OptionSource.CommandLine or OptionSource.Rule ? null : ErrorId.VolumeNotImageable;

    private static bool IsReadOnlyMedium(ImageVolume volume) =>
        Array.IndexOf(s_readOnlyFileSystems, volume.FileSystem) >= 0
        || (volume.FileSystem == "udf" || volume.Description.IsRemovable) && volume.Description.IsReadOnly;
}
