using System;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Kits.Repository;

/// <summary>Repositories under the password "pw". Deriving keys costs a tenth of a second each; making one in memory costs it once.</summary>
internal static class TestRepository
{
    public const string Password = "pw";

    private static readonly Lazy<MemoryStorage> s_empty = new(() =>
    {
        var storage = new MemoryStorage();
        using RepositoryPassword password = NewPassword();
        ImageRepository.Create(storage, password, CancellationToken.None).Dispose();
        return storage;
    });

    public static RepositoryPassword NewPassword(string text = Password) => RepositoryPassword.FromUtf8(Encoding.UTF8.GetBytes(text));

    /// <summary>The files of an empty repository.</summary>
    public static MemoryStorage NewStorage() => s_empty.Value.Clone();

    public static ImageRepository Open(IStorage storage)
    {
        using RepositoryPassword password = NewPassword();
        return ImageRepository.Open(storage, password, CancellationToken.None);
    }

    public static ImageRepository Open(string path)
    {
        using RepositoryPassword password = NewPassword();
        return ImageRepository.Open(path, password, CancellationToken.None);
    }

    public static ImageRepository Create(string path)
    {
        using RepositoryPassword password = NewPassword();
        return ImageRepository.Create(path, password, CancellationToken.None);
    }

    /// <summary>Every byte of the repository is what it should be. (Packs that nobody refers to are no fault.)</summary>
    public static RepositoryCheckResult AssertHealthy(ImageRepository repository)
    {
        RepositoryCheckResult result = repository.Check(readData: true, null, CancellationToken.None);
        Assert.True(result.IsHealthy, string.Join(Environment.NewLine, result.Problems));
        Assert.Empty(repository.Locks());
        return result;
    }
}
