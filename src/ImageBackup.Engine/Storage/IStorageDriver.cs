namespace ImageBackup.Engine.Storage;

/// <summary>A kind of storage in an assembly of its own, beside this one: an SDK is loaded by who uses it.</summary>
internal interface IStorageDriver
{
    /// <summary>Opens a storage without asking a server anything.</summary>
    /// <exception cref="System.FormatException">The location or what the environment says of it cannot be used.</exception>
    IStorage Open(StorageLocation location);
}
