using ImageBackup.Engine.Repository.Files;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Files;

/// <summary>What a user is told to do about a failure of the storage.</summary>
public sealed class RepositoryFilesTests
{
    [Theory]
    [InlineData("AccessDenied", false, "the repository's directory", "login")]
    [InlineData("Full", false, "space", "quota")]
    [InlineData("ReadError", true, "Test-ImageRepository", "URL")]
    [InlineData("WriteError", true, "", "URL")]
    public void What_to_do_about_a_server_is_not_what_to_do_about_a_directory(string problem, bool isPermanent, string ofDirectory, string ofServer)
    {
        using var memory = new MemoryStorage();
        using var files = new RepositoryFiles(memory);
        string Action() => files.Translate(StoredKind.Index, new StorageException(System.Enum.Parse<StorageProblem>(problem), "x", "It failed.") { IsPermanent = isPermanent }).RecommendedAction;
        Assert.Contains(ofDirectory, Action(), System.StringComparison.Ordinal);
        Assert.DoesNotContain(ofServer, Action(), System.StringComparison.Ordinal);
        memory.Traits = StorageTraits.Remote;
        Assert.Contains(ofServer, Action(), System.StringComparison.Ordinal);
    }
}
