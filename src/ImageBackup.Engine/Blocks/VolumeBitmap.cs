using System.Collections.Generic;

namespace ImageBackup.Engine.Blocks;

/// <summary>A source's own answer on what is in use. It speaks of its clusters only; bytes beside them count as used.</summary>
internal sealed record VolumeBitmap
{
    /// <summary>Who answers, as an image records it.</summary>
    public required string Source { get; init; }

    /// <summary>Bytes in a cluster.</summary>
    public required int ClusterSizeBytes { get; init; }

    /// <summary>Where on the volume cluster 0 lies, in bytes; not 0 if tables lie before it (FAT).</summary>
    public required long FirstClusterOffsetBytes { get; init; }

    /// <summary>Clusters that the pages tell of.</summary>
    public required long ClusterCount { get; init; }

    /// <summary>The answer in pages, from cluster 0 up. Asked for while it is enumerated, once.</summary>
    /// <remarks>Enumerating throws a <see cref="BlockReadException"/> if the source stops answering.</remarks>
    public required IEnumerable<UsedMapPage> Pages { get; init; }
}

/// <summary>A piece of a source's bitmap: bit 0 is the lowest bit of byte 0; a set bit is a cluster in use.</summary>
/// <param name="FirstCluster">The cluster of bit 0.</param>
/// <param name="ClusterCount">Bits that count.</param>
/// <param name="Bits">The bytes; theirs until the next page is asked for, as the buffer is used again.</param>
internal readonly record struct UsedMapPage(long FirstCluster, long ClusterCount, byte[] Bits);
