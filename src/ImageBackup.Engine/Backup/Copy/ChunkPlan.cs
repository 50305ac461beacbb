using System;
using ImageBackup.Engine.Compat;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Writing;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>
/// Decides what is done with each chunk of a backup: here, and nowhere else. A chunk is decided twice, before it is read and
/// after.
/// </summary>
/// <param name="source">Says which chunks may hold data.</param>
/// <param name="changes">The chunk tags of the image before and of this one; null: there are none, and every chunk is hashed.</param>
/// <param name="session">Says what the repository has.</param>
internal sealed class ChunkPlan(ChunkSource source, ChangeDetector? changes, RepositoryWriter session)
{
    /// <summary>What is done before anything is read: Zero or Read. One thread, in the chunks' order.</summary>
    public ChunkWork BeforeReading(long chunk) => source.HoldsData(chunk)
        ? new ChunkWork(ChunkWorkKind.Read, chunk, changes?.Known(chunk) ?? default)
        : new ChunkWork(ChunkWorkKind.Zero, chunk, default);

    /// <summary>What is done with a chunk's content: Zero, Unchanged or Hash. Any thread. Allocates nothing.</summary>
    /// <param name="work">What <see cref="BeforeReading"/> gave.</param>
    /// <param name="content">The chunk's content.</param>
    /// <param name="gmac">The thread's own, of <see cref="CreateGmac"/>.</param>
    public ChunkWork AfterReading(in ChunkWork work, ReadOnlySpan<byte> content, Gmac? gmac)
    {
        long chunk = work.Chunk;
        if (work.Kind == ChunkWorkKind.Zero || ZeroCheck.IsZero(content))
            return new ChunkWork(ChunkWorkKind.Zero, chunk, default);
        if (changes is null || gmac is null)
            return new ChunkWork(ChunkWorkKind.Hash, chunk, default);
        ChunkTag tag = ChunkTag.Of(gmac, content);
        changes.Note(chunk, tag);
        if (tag.IsNone || tag != work.Known.Tag)
            return new ChunkWork(ChunkWorkKind.Hash, chunk, default);
        // The tag says which id its hash must give, which is proven now and then.
        return changes.IsToProve(chunk) || !session.Has(work.Known.Id, BlobType.Data)
            ? new ChunkWork(ChunkWorkKind.Hash, chunk, work.Known)
            : new ChunkWork(ChunkWorkKind.Unchanged, chunk, work.Known);
    }

    /// <summary>Makes the tags of one thread's chunks; null: no tags are made.</summary>
    public Gmac? CreateGmac() => changes is null ? null : new Gmac(changes.Header.Key);
}
