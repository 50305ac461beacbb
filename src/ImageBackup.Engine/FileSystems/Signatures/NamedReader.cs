using System.Threading;
using ImageBackup.Engine.Blocks;

namespace ImageBackup.Engine.FileSystems.Signatures;

/// <summary>What is known by name only: members of volume managers and arrays, and file systems whose map is not read.</summary>
internal sealed class NamedReader : IFileSystemReader
{
    public FileSystemDescription? Probe(IBlockReader volume)
    {
        foreach ((SignatureRole role, FileSystemDescription description) in NamedClaims.Find(volume))
        {
            if (role != SignatureRole.PartitionTable)
                return description;
        }
        return null;
    }

    public UsedRangeMap ReadUsedRanges(IBlockReader volume, CancellationToken cancellation) =>
        throw new FileSystemFormatException($"{Probe(volume)?.Type ?? "unknown"}: which blocks are in use is not read for this type: copied whole");
}
