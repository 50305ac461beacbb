using System;
using System.Collections.Generic;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Repository.Trees;

/// <summary>A node of a tree (design.rst, "Trees and Data"): of each only what an image needs.</summary>
internal sealed record TreeNode
{
    public required string Name { get; init; }

    /// <summary>file, dir, symlink, dev ...</summary>
    public required string Type { get; init; }
    public long SizeBytes { get; init; }
    public DateTimeOffset Time { get; init; }
    public IReadOnlyList<BlobId> Content { get; init; } = Array.Empty<BlobId>();
    public BlobId? Subtree { get; init; }
}
