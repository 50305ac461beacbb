using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Keys;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Interop.Restic;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Storage;

/// <summary>One repository on a storage, written by this module and by restic in turns.</summary>
internal static class BothTools
{
    /// <summary>What we wrote restic proves and adds to; then all is whole for us, and our image restores.</summary>
    /// <param name="location">For us.</param>
    /// <param name="url">For restic.</param>
    /// <param name="resticOptions">Of each of its commands.</param>
    public static void AssertWhole(StorageLocation location, string url, params string[] resticOptions)
    {
        using var rig = new ResticRig();
        string volume = rig.Volume("volume", 3), id;
        using (RepositoryPassword password = TestRepository.NewPassword())
        using (ImageRepository repository = ImageRepository.Create(location, password, TestContext.Current.CancellationToken))
        {
            Assert.Equal(location.DisplayName, repository.Location);
            id = ResticRig.Backup(repository, volume).Id;
            Assert.Empty(repository.Locks());
        }
        ResticTool.Run(url, [.. resticOptions, "check", "--read-data"]);
        ResticTool.Run(url, [.. resticOptions, "backup", rig["volume"]]);
        using (RepositoryPassword password = TestRepository.NewPassword())
        using (ImageRepository repository = ImageRepository.Open(location, password, keyHint: null, TestContext.Current.CancellationToken))
        {
            TestRepository.AssertHealthy(repository);
            Assert.Contains(ResticRig.List(repository), image => image.Id == id);
            rig.AssertRestores(repository, id, volume);
        }
    }
}
