using System;
using System.Collections.Generic;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>What came of the copying of a volume.</summary>
/// <param name="Ids">The chunks' ids, in order.</param>
/// <param name="Changes">The chunks' tags; null: they have none.</param>
internal sealed record CopiedChunks(BlobId[] Ids, ChangeDetector? Changes)
{
    /// <summary>Chunks that were not in the repository before.</summary>
    public long NewChunkCount { get; init; }

    /// <summary>Bytes of those.</summary>
    public long NewBytes { get; init; }

    public long ZeroChunkCount { get; init; }

    /// <summary>Used bytes that were read.</summary>
    public long ReadBytes { get; init; }

    /// <summary>How long the workers, all together, waited for what was read.</summary>
    public TimeSpan WorkerWait { get; init; }

    /// <summary>How long the readers, all together, waited for the workers.</summary>
    public TimeSpan ReaderWait { get; init; }

    /// <summary>What could not be read and is zeros in the image.</summary>
    public IReadOnlyList<ByteRange> ReadErrors { get; init; } = [];
}
