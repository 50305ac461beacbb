using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Policy.Rules;

namespace ImageBackup.Engine.Planning;

/// <summary>The volumes that <c>domain.image</c> names: what is backed up when a command names none.</summary>
/// <param name="Volumes">Each once, in the order of the statements.</param>
/// <param name="Failures">Names for which there is no volume, with the reason.</param>
/// <param name="Unmatched">Patterns with wildcards that matched nothing.</param>
internal sealed record DomainVolumes(
    IReadOnlyList<ImageVolume> Volumes,
    IReadOnlyList<(string Name, ImageBackupException Reason)> Failures,
    IReadOnlyList<string> Unmatched)
{
    /// <summary>
    /// A name without wildcards is resolved as a command's is. A pattern matches any name of the machine's volumes, but
    /// not those that others lie on (RAID members, LVM's physical volumes): what they hold would be taken twice.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static DomainVolumes Resolve(IEnumerable<VolumePattern> domain, VolumeInventory inventory, CancellationToken cancellation)
    {
        if (domain is null)
            throw new ArgumentNullException(nameof(domain));
        if (inventory is null)
            throw new ArgumentNullException(nameof(inventory));
        var found = new List<ImageVolume>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var failures = new List<(string, ImageBackupException)>();
        var unmatched = new List<string>();
        IReadOnlyList<ImageVolume>? all = null;
        foreach (VolumePattern pattern in domain)
        {
            if (pattern.IsLiteral)
            {
                try
                {
                    // If a class stands for a plain character, the text as written is not the name.
                    Add(inventory.Resolve(pattern.Text.IndexOf('[') >= 0 ? pattern.Prefix : pattern.Text, cancellation));
                }
                catch (ImageBackupException e)
                {
                    failures.Add((pattern.Text, e));
                }
                continue;
            }
            all ??= inventory.List(cancellation);
            List<ImageVolume> matches =
            [
                .. all.Where(volume => volume.Description.Holders.Count == 0 && pattern.IsMatch(VolumePlan.NamesOf(volume, pattern.IsWindows), out _)),
            ];
            if (matches.Count == 0)
                unmatched.Add(pattern.Text);
            foreach (ImageVolume match in matches)
            {
                // A pattern is not a device path given by hand: the user did not say which of two clones is meant.
                if (inventory.TwinsOf(match, cancellation) is { Count: > 0 } twins)
                {
                    failures.Add((match.Name, new ImageBackupException(ErrorId.VolumeAmbiguous,
                        $"'{pattern.Text}' matches {VolumeWords.Of(match)}; but {string.Join(" and ", twins.Select(VolumeWords.Of))} has the same identity: a clone.", match.Name)));
                    continue;
                }
                Add(match);
            }
        }
        return new DomainVolumes(found, failures, unmatched);

        void Add(ImageVolume volume)
        {
            if (names.Add(volume.Name))
                found.Add(volume);
        }
    }
}
