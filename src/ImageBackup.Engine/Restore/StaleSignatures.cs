using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Engine.Images.Format;

namespace ImageBackup.Engine.Restore;

/// <summary>
/// Clears what an earlier content left on a target outside of what the image stores: a ZFS label at either end, the copy of a GPT, the
/// superblock of an old array. It would claim what was restored.
/// </summary>
internal static class StaleSignatures
{
    /// <summary>Under a mark that is cleared another may come to light: an older label, another version's superblock.</summary>
    private const int MostRounds = 8;

    /// <summary>Clears them and names them. The marks alone are cleared; a mark that the image itself stores a byte of stays.</summary>
    /// <param name="target">Written, not yet flushed.</param>
    /// <param name="used">What the image stores.</param>
    /// <param name="cancellation">Between two rounds.</param>
    /// <exception cref="BlockReadException">The target could not be read.</exception>
    /// <exception cref="BlockWriteException">It could not be written.</exception>
    public static IReadOnlyList<string> Clear(IBlockWriter target, UsedRanges used, CancellationToken cancellation)
    {
        var cleared = new List<string>();
        for (int round = 0; round < MostRounds; round++)
        {
            cancellation.ThrowIfCancellationRequested();
            int before = cleared.Count;
            foreach (SignatureClaim claim in SignatureScan.Find(target))
            {
                List<ByteRange> stale = [.. claim.Marks.Where(mark => !used.Within(mark).Any())];
                if (stale.Count == 0)
                    continue;
                foreach (ByteRange mark in stale)
                    target.ZeroRange(mark);
                cleared.Add($"{claim.Type} at offset {stale[0].OffsetBytes}");
            }
            if (cleared.Count == before)
                break;
        }
        return [.. cleared.Distinct(StringComparer.Ordinal)];
    }
}
