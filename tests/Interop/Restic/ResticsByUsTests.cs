using System;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>What restic wrote, in our hands.</summary>
public sealed class ResticsByUsTests : IDisposable
{
    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Theory]
    [InlineData(1, "auto")]
    [InlineData(2, "off")]
    [InlineData(2, "auto")]
    [InlineData(2, "max")]
    public void A_repository_and_its_images(int formatVersion, string compression)
    {
        string volume = _rig.Volume("a.img", 1);
        using ImageRepository repository = _rig.CreateByRestic("repo", formatVersion);
        string[] more = formatVersion == 1 ? [] : ["--compression", compression];
        ResticTool.RunWithInput(_rig["repo"], volume, ["backup", "--stdin", "--stdin-filename", "disk.img", .. more]);
        ResticTool.Run(_rig["repo"], ["backup", volume, .. more]);

        ImageBackupInfo[] images = ResticRig.List(repository);
        Assert.Equal(["/disk.img", volume], images.Select(i => i.Volume).Order(StringComparer.Ordinal));
        foreach (ImageBackupInfo image in images)
        {
            Assert.Equal((false, new FileInfo(volume).Length, Environment.MachineName), (image.IsOurs, image.SizeBytes, image.ComputerName));
            Assert.Null(image.ImageType);
            _rig.AssertRestores(repository, image.Id, volume);
        }
        TestRepository.AssertHealthy(repository);

        if (formatVersion == 1)
        {
            Assert.Equal(ErrorId.RepositoryVersionUnsupported, Assert.Throws<ImageBackupException>(() => ResticRig.Backup(repository, volume)).Id);
            Assert.Equal(2, ResticRig.List(repository).Length);
            return;
        }
        ImageBackupInfo ours = ResticRig.Backup(repository, volume);
        ResticTool.Run(_rig["repo"], "check", "--read-data");
        _rig.AssertRestores(repository, ours.Id, volume);
        Assert.Equal(3, ResticRig.List(repository).Length);
    }

    [Fact]
    public void A_repository_that_restic_upgraded()
    {
        string volume = _rig.Volume("a.img", 2);
        _rig.CreateByRestic("repo", 1).Dispose();
        ResticTool.Run(_rig["repo"], "backup", volume);
        ResticTool.Run(_rig["repo"], "migrate", "upgrade_repo_v2");
        using ImageRepository repository = TestRepository.Open(_rig["repo"]);
        Assert.Equal(2, repository.FormatVersion);
        ResticRig.Backup(repository, volume);
        foreach (ImageBackupInfo image in ResticRig.List(repository))
            _rig.AssertRestores(repository, image.Id, volume);
        ResticTool.Run(_rig["repo"], "check", "--read-data");
    }

    [Fact]
    public void Directories_are_no_images_and_harm_none()
    {
        string volume = _rig.Volume("a.img", 3, 500_000);
        Directory.CreateDirectory(_rig["tree/sub"]);
        File.WriteAllText(_rig["tree/one"], "1");
        File.WriteAllText(_rig["tree/sub/two"], "2");
        Directory.CreateDirectory(_rig["empty"]);
        using ImageRepository repository = _rig.CreateByRestic("repo");
        ResticTool.Run(_rig["repo"], "backup", _rig["tree"]);
        ResticTool.Run(_rig["repo"], "backup", _rig["empty"]);
        Assert.Empty(ResticRig.List(repository));
        string snapshot = Path.GetFileName(Directory.GetFiles(_rig["repo/snapshots"])[0]);
        Assert.Equal(ErrorId.ImageInvalid, Assert.Throws<ImageBackupException>(() => _rig.AssertRestores(repository, snapshot, volume)).Id);
        ImageBackupInfo ours = ResticRig.Backup(repository, volume);
        Assert.Equal(ours.Id, Assert.Single(ResticRig.List(repository)).Id);
        _rig.AssertRestores(repository, ours.Id, volume);
        TestRepository.AssertHealthy(repository);
    }

    /// <summary>restic's own backup of our volume finds nothing of ours to reuse, and the two live together.</summary>
    [Fact]
    public void Both_backups_in_one_repository_survive_a_prune()
    {
        string volume = _rig.Volume("a.img", 4);
        using ImageRepository repository = _rig.CreateByRestic("repo");
        string ours = ResticRig.Backup(repository, volume).Id;
        ResticTool.Run(_rig["repo"], "backup", volume);
        ResticTool.Run(_rig["repo"], "backup", "--force", volume);
        string theirs = ResticRig.List(repository).Last(i => !i.IsOurs).Id;
        ResticTool.Run(_rig["repo"], "forget", ResticRig.List(repository).First(i => !i.IsOurs).Id, "--prune", "--max-unused", "0");
        _rig.AssertRestores(repository, ours, volume);
        _rig.AssertRestores(repository, theirs, volume);
        TestRepository.AssertHealthy(repository);
    }

    [Fact]
    public void Zeros_and_an_empty_file()
    {
        using (FileStream file = File.Create(_rig["zeros"]))
            file.SetLength(5_000_000);
        File.WriteAllBytes(_rig["nothing"], []);
        using ImageRepository repository = _rig.CreateByRestic("repo");
        ResticTool.RunWithInput(_rig["repo"], _rig["zeros"], "backup", "--stdin");
        ResticTool.Run(_rig["repo"], "backup", _rig["nothing"]);
        ImageBackupInfo image = Assert.Single(ResticRig.List(repository));
        _rig.AssertRestores(repository, image.Id, _rig["zeros"]);
        RestoreResult result = new RestoreJob(repository, VolumeSystem.Current).Run(new RestoreRequest { ImageId = image.Id, Destination = _rig["out"] }, null, CancellationToken.None);
        Assert.Equal((0L, 5_000_000L), (result.WrittenBytes, result.ZeroBytes));
    }
}
