namespace ImageBackup.Engine.Repository.Blobs;

/// <summary>No index lists a blob that is needed. A pack that no index lists may hold it, which is for a later look.</summary>
internal sealed class MissingBlobException(BlobId blob, string message, string? target) : ImageBackupException(ErrorId.ChunkMissing, message, target)
{
    public BlobId Blob { get; } = blob;
}
