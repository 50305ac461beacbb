using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace ImageBackup.Engine.Planning;

/// <summary>
/// The name of a volume that a rule should have: one that stays when devices are numbered anew. The machine's volumes are looked
/// at once.
/// </summary>
/// <param name="inventory">The machine's volumes.</param>
internal sealed class StableNames(VolumeInventory inventory)
{
    private IReadOnlyList<ImageVolume>? _all;

    /// <summary>
    /// UUID=, PARTUUID= or LABEL= of a block device, the first that no other volume of the machine has; else its name, as for a file
    /// and for a Windows volume, whose letter the system keeps.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public string Of(ImageVolume volume, CancellationToken cancellation)
    {
        if (volume is null)
            throw new ArgumentNullException(nameof(volume));
        if (volume.Description.Kind != VolumeKind.BlockDevice)
            return volume.Name;
        _all ??= inventory.List(cancellation);
        return Unique("UUID=", volume, each => each.Uuid)
            ?? Unique("PARTUUID=", volume, each => each.Description.PartitionUuid)
            ?? Unique("LABEL=", volume, each => each.Label)
            ?? volume.Name;
    }

    private string? Unique(string prefix, ImageVolume volume, Func<ImageVolume, string?> valueOf) =>
        valueOf(volume) is { Length: > 0 } value
            && _all!.All(other => other.Name == volume.Name || !string.Equals(valueOf(other), value, StringComparison.OrdinalIgnoreCase) || VolumeInventory.IsSameStack(other.Description, volume.Description))
            ? prefix + value
            : null;
}
