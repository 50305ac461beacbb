using System;
using System.Collections.Generic;
using ImageBackup.Engine.Cryptography;
using ImageBackup.Engine.Images.Format;

namespace ImageBackup.Engine.Backup.Copy;

/// <summary>
/// The tags of one backup: those of the image before, by which chunks are known again, and those that this one makes.
/// </summary>
/// <param name="header">Of the tags that are made: their key and the chunks' geometry.</param>
/// <param name="parent">The image before; null: there is none, or its tags are not to be relied on.</param>
/// <param name="proven">Which of every <see cref="ProveEvery"/> chunks are proven.</param>
internal sealed class ChangeDetector(ChunkTagsFile.Header header, ParentImage? parent, int proven)
{
    /// <summary>
    /// One of so many chunks that a tag knows is hashed all the same, others each time: a tag that stands beside another
    /// chunk's id (a fault of a machine's memory, years ago) would else stay with the volume for good.
    /// </summary>
    public const int ProveEvery = 32;

    private readonly ChunkTag[] _tags = new ChunkTag[header.ChunkCount];

    public ChunkTagsFile.Header Header => header;

    public IReadOnlyList<ChunkTag> Tags => _tags;

    /// <summary>The image whose tags were compared; null: none.</summary>
    public string? ParentId => parent?.Id;

    /// <summary>Null if the machine has no fast universal hash.</summary>
    public static ChangeDetector? For(int chunkSizeBytes, long chunkCount, ParentImage? parent)
    {
        if (!Gmac.IsSupported)
            return null;
        if (parent?.Header.ChunkSizeBytes != chunkSizeBytes)
            parent = null;
        return new ChangeDetector(new ChunkTagsFile.Header(chunkSizeBytes, chunkCount, parent?.Header.Key ?? NewKey()), parent, AnyOf(ProveEvery));
    }

    /// <summary>What the image before recorded of a chunk. One thread, in order.</summary>
    public KnownChunk Known(long chunk) => parent?.Chunk(chunk) ?? default;

    /// <summary>Whether a chunk is to be hashed although its tag is known.</summary>
    public bool IsToProve(long chunk) => chunk % ProveEvery == proven;

    /// <summary>Notes a chunk's tag. Any thread.</summary>
    public void Note(long chunk, ChunkTag tag) => _tags[chunk] = tag;

    private static byte[] NewKey()
    {
        byte[] key = new byte[Gmac.KeySizeBytes];
        SystemRandom.Fill(key);
        return key;
    }

    private static int AnyOf(int limit)
    {
        byte[] one = new byte[1];
        SystemRandom.Fill(one);
        return one[0] % limit;
    }
}
