using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.S3;

namespace ImageBackup.Storage.S3;

/// <summary>What the engine finds in this assembly.</summary>
internal sealed class S3Driver : IStorageDriver
{
    public IStorage Open(StorageLocation location) => new S3Storage(location, S3Location.WithAccess(location));
}
