using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems;

/// <summary>
/// Stands in for a volume that carries the marks of two file systems. A map from the stale one would call live data
/// free, so there is none.
/// </summary>
internal sealed class AmbiguousReader(FileSystemDescription first, FileSystemDescription second) : IFileSystemReader
{
    public FileSystemDescription? Probe(IBlockReader volume) => first;

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        throw new FileSystemFormatException($"the volume carries the marks of both {first.Type} and {second.Type}; clear the stale ones with 'wipefs'");
}
