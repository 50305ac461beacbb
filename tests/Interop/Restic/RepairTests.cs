using System;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Maintenance;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>What restic says of a repository after our repair.</summary>
public sealed class RepairTests : IDisposable
{
    private readonly ResticRig _rig = new();

    public void Dispose() => _rig.Dispose();

    private string[] Files(string kind) => Directory.GetFiles(Path.Combine(_rig["repo"], kind), "*", SearchOption.AllDirectories);

    [Theory]
    [InlineData("index gone")]
    [InlineData("index noise")]
    [InlineData("pack torn")]
    [InlineData("pack torn, nobody listed it")]
    [InlineData("snapshot noise")]
    public void Restics_check_is_clean_after_our_repair(string damage)
    {
        string volume = _rig.Volume("a.img", 1), other = _rig.Volume("b.img", 2);
        using ImageRepository repository = _rig.Create("repo");
        string id = ResticRig.Backup(repository, volume).Id;
        string lost = ResticRig.Backup(repository, other).Id;
        ResticTool.Run(_rig["repo"], "backup", other);
        string largest = Files("data").OrderByDescending(f => new FileInfo(f).Length).First();
        switch (damage)
        {
            case "index gone":
                Files("index").ToList().ForEach(File.Delete);
                break;
            case "index noise":
                File.WriteAllBytes(Files("index")[0], new byte[50]);
                break;
            case "pack torn":
                using (FileStream pack = File.Open(largest, FileMode.Open, FileAccess.Write))
                    pack.SetLength(pack.Length - 7);
                break;
            case "snapshot noise":
                File.WriteAllBytes(Path.Combine(_rig["repo"], "snapshots", lost), new byte[50]);
                break;
            default:
                byte[] half = File.ReadAllBytes(largest)[..500_000];
                string name = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData("the whole pack"u8));
                Directory.CreateDirectory(Path.Combine(_rig["repo"], "data", name[..2]));
                File.WriteAllBytes(Path.Combine(_rig["repo"], "data", name[..2], name), half);
                break;
        }
        RepositoryRepairResult result = repository.Repair(new RepositoryRepairOptions { RemoveUnreadable = true }, null, CancellationToken.None);
        Assert.True(result.WasNeeded);
        Assert.Empty(result.DamagedImages);
        ResticTool.Run(_rig["repo"], "check", "--read-data");
        _rig.AssertRestores(repository, id, volume);
        Assert.False(repository.Repair(new RepositoryRepairOptions { ReadData = true }, null, CancellationToken.None).WasNeeded);
    }

    /// <summary>A chunk that is lost for good at the repair, and that the volume still has.</summary>
    [Fact]
    public void Restics_check_is_clean_after_a_repair_and_the_backup_that_heals()
    {
        string volume = _rig.Volume("a.img", 3);
        using ImageRepository repository = _rig.Create("repo");
        string id = ResticRig.Backup(repository, volume).Id;
        string largest = Files("data").OrderByDescending(f => new FileInfo(f).Length).First();
        byte[] bytes = File.ReadAllBytes(largest);
        bytes[1000] ^= 1;
        bytes[^2000] ^= 1;
        File.SetAttributes(largest, FileAttributes.Normal);
        File.WriteAllBytes(largest, bytes);
        RepositoryRepairResult result = repository.Repair(new RepositoryRepairOptions { ReadData = true }, null, CancellationToken.None);
        Assert.True(result.LostBlobCount is 1 or 2 && result.SalvagedBlobCount > 5);
        Assert.NotEqual(0, ResticTool.TryRun(_rig["repo"], "check").Code);
        Assert.Equal(result.LostBlobCount, ResticRig.Backup(repository, volume).NewChunkCount);
        ResticTool.Run(_rig["repo"], "check", "--read-data");
        _rig.AssertRestores(repository, id, volume);
        Assert.True(ResticTool.OutputEquals(_rig["repo"], volume, "dump", id, "volume.img"));
    }
}
