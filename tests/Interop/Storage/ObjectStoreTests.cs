using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>The tests that need an object store share the services; each starts when the first test needs it.</summary>
[CollectionDefinition(Name)]
public sealed class ObjectStoreTests : ICollectionFixture<CephService>, ICollectionFixture<AzureService>
{
    public const string Name = "Object stores";
}
