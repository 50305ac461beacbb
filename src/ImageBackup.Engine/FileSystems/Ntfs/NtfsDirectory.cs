using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.FileSystems.Ntfs;

/// <summary>All entries of a small directory at once: of the root or the shadow directory.</summary>
internal static class NtfsDirectory
{
    /// <summary>Some 100,000 entries: more than a root or a shadow directory has.</summary>
    private const long MaxIndexBytes = 16 << 20;

    /// <exception cref="FileSystemFormatException">Damaged or too large.</exception>
    public static List<NtfsDirectoryEntry> Read(NtfsVolume ntfs, long number, CancellationToken cancellation)
    {
        NtfsIndex index = NtfsIndex.Open(ntfs, ntfs.ReadRecord(number), number);
        if (index.BlocksBytes > MaxIndexBytes)
            throw new FileSystemFormatException("NTFS: a directory is too large");
        return [.. index.List(cancellation)];
    }
}
