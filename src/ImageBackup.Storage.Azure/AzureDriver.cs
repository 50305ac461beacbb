using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Storage.Azure;

namespace ImageBackup.Storage.Azure;

/// <summary>What the engine finds in this assembly.</summary>
internal sealed class AzureDriver : IStorageDriver
{
    public IStorage Open(StorageLocation location) => new AzureStorage(location, AzureLocation.WithAccess(location));
}
