using System.Collections.Generic;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Signatures;

namespace ImageBackup.Engine.FileSystems;

/// <summary>
/// Stands in for a volume that several claim. The map of one that is dead would call live data free, so there is none.
/// </summary>
internal sealed class ConflictingReader(IReadOnlyList<SignatureClaim> claimants) : IFileSystemReader
{
    public FileSystemDescription? Probe(IBlockReader volume) => FileSystemCatalog.Probe(volume)?.Description;

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        throw new FileSystemFormatException($"the volume bears the signatures of {SignatureScan.Describe(claimants)}");
}
