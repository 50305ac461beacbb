using ImageBackup.Engine.Repository.Blobs;

namespace ImageBackup.Engine.Images.Format;

/// <summary>What an earlier image recorded of a chunk. Without a tag: nothing.</summary>
internal readonly record struct KnownChunk(BlobId Id, ChunkTag Tag);
