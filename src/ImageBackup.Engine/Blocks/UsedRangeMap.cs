using System;
using System.Collections.Generic;
using System.Threading;

namespace ImageBackup.Engine.Blocks;

/// <summary>The used ranges of a volume: sorted by offset, disjoint, not adjacent, inside the volume.</summary>
internal sealed record UsedRangeMap
{
    public required IReadOnlyList<ByteRange> Ranges { get; init; }

    /// <summary>The granularity of the map in bytes.</summary>
    public required int ClusterSizeBytes { get; init; }

    /// <summary>Sum of the ranges' lengths in bytes.</summary>
    public required long UsedBytes { get; init; }

    /// <summary>Remarks for the user that do not stop the map's use.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = Array.Empty<string>();
}
