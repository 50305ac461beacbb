using System;
using System.Collections;
using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Volumes;
using ImageBackup.Pipeline;

namespace ImageBackup.Completion;

/// <summary>The volumes of this machine, by every name that one can be called: its own, mount points, LABEL=, UUID=.</summary>
internal sealed class VolumeCompleter : NameCompleter
{
    private protected override Func<CancellationToken, IEnumerable<CompletionCandidate>> Prepare(IDictionary bound) =>
        cancellation => Names(new VolumeInventory(VolumeSystem.Current).List(cancellation));

    internal static IEnumerable<CompletionCandidate> Names(IReadOnlyList<ImageVolume> volumes)
    {
        foreach (ImageVolume volume in volumes)
            yield return new(volume.Name, Describe(volume));
        foreach (ImageVolume volume in volumes)
        {
            string tooltip = $"{volume.Name}: {Describe(volume)}";
            foreach (string mountPoint in volume.MountPoints)
                yield return new(mountPoint, tooltip);
            if (volume.Label is { Length: > 0 } label)
                yield return new("LABEL=" + label, tooltip);
            if (volume.Uuid is { Length: > 0 } uuid && volume.Description.Kind == VolumeKind.BlockDevice)
                yield return new("UUID=" + uuid, tooltip);
        }
    }

    private static string Describe(ImageVolume volume)
    {
        string text = $"{volume.FileSystem ?? "no known file system"}, {ProgressText.Size(volume.SizeBytes)}";
        if (volume.Label is { Length: > 0 } label)
            text += $", '{label}'";
        if (volume.IsMounted)
            text += ", at " + string.Join(", ", volume.MountPoints);
        return volume.IsSystem ? text + " (system)" : text;
    }
}
