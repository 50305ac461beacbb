using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>What remains to be done with a chunk. <see cref="Read"/> comes before its content is known, the other kinds after.</summary>
internal enum ChunkWorkKind
{
    /// <summary>It may hold data: its content must be read.</summary>
    Read,

    /// <summary>It is all zeros: it has the id of zeros.</summary>
    Zero,

    /// <summary>It is what the image before has: it has the id that it had there, and the repository has its content.</summary>
    Unchanged,

    /// <summary>It must be hashed, and stored if the repository does not have it.</summary>
    Hash,
}

/// <summary>One chunk and what is to be done with it. Made by <see cref="ChunkPlan"/> only.</summary>
/// <param name="Kind">What is to be done.</param>
/// <param name="Chunk">The chunk's number.</param>
/// <param name="Known">
/// Of a chunk to be read: what the image before recorded of it. Of an unchanged one: its id. Of one to be hashed: the id that its
/// hash must give, if it has a tag.
/// </param>
internal readonly record struct ChunkWork(ChunkWorkKind Kind, long Chunk, KnownChunk Known)
{
    /// <summary>Whether a chunk's hash agrees with what its tag said of it, if that said anything.</summary>
    public bool Allows(BlobId id) => Known.Tag.IsNone || Known.Id == id;
}
