using ImageBackup.Tests.Kits.Storage;

namespace ImageBackup.Tests.Unit.Storage;

/// <summary>The double must keep the contract too, or what it proves is worth nothing.</summary>
public sealed class MemoryStorageTests : StorageContract
{
    private protected override object Open() => new MemoryStorage();
}

/// <summary>And so must the wrapper that no script has been given.</summary>
public sealed class FaultyStorageTests : StorageContract
{
    private protected override object Open() => new FaultyStorage(new MemoryStorage());
}
