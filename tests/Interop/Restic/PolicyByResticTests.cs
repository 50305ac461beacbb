using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Repository;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Interop.Restic;

/// <summary>The enforced policy in restic's hands: what src/FORMAT.md says that its tools do with it.</summary>
public sealed class PolicyByResticTests : IDisposable
{
    private readonly ResticRig _rig = new();
    private readonly ImageRepository _repository;
    private readonly string _volume;

    /// <summary>Two images and a policy of three revisions.</summary>
    public PolicyByResticTests()
    {
        _repository = _rig.Create("repo");
        _volume = _rig.Volume("a.img", 1, 1_000_000);
        ResticRig.Backup(_repository, _volume);
        foreach (string pattern in new[] { "/a", "/b", "/c" })
            Exclude(_repository, pattern);
        ResticRig.Backup(_repository, _volume);
    }

    public void Dispose()
    {
        _repository.Dispose();
        _rig.Dispose();
    }

    private static EnforcedPolicy Load(ImageRepository repository) =>
        new EnforcedPolicyStore(repository).Load(e => Assert.Fail(e.ToString()), CancellationToken.None);

    private static void Exclude(ImageRepository repository, string pattern)
    {
        EnforcedPolicy was = Load(repository);
        new EnforcedPolicyStore(repository).Save(was with { Rules = was.Rules.Set(new RuleSpecification { Kind = RuleKind.Exclude, Pattern = pattern }) }, CancellationToken.None);
    }

    private static void AssertCounts(ImageRepository repository, int revision = 3)
    {
        EnforcedPolicy policy = Load(repository);
        Assert.Equal((revision, "exclude.image /a\nexclude.image /b\nexclude.image /c\n"), (policy.Revision, policy.Rules.ToString()));
    }

    private int SnapshotCount(string tag)
    {
        using JsonDocument snapshots = JsonDocument.Parse(ResticTool.Run(_rig["repo"], "snapshots", "--json", "--tag", tag));
        return snapshots.RootElement.GetArrayLength();
    }

    [Fact]
    public void Checked_listed_shown_and_never_the_latest()
    {
        Assert.Contains("no errors were found", ResticTool.Run(_rig["repo"], "check", "--read-data"), StringComparison.Ordinal);
        Assert.Equal((3, 2), (SnapshotCount("imagebackup-policy"), SnapshotCount("imagebackup")));
        Assert.True(ResticTool.OutputEquals(_rig["repo"], _volume, "dump", "latest", "volume.img"));
        Assert.Equal(Load(_repository).Rules.ToString(), ResticTool.Run(_rig["repo"], "dump", "--tag", "imagebackup-policy", "latest", "image.rules"));
        Assert.Contains("classes.json", ResticTool.Run(_rig["repo"], "ls", "--tag", "imagebackup-policy", "latest"), StringComparison.Ordinal);
        Assert.Equal(2, ResticRig.List(_repository).Length);
        TestRepository.AssertHealthy(_repository);
    }

    [Theory]
    [InlineData("--keep-last", "1")]
    [InlineData("--keep-daily", "1")]
    [InlineData("--keep-yearly", "1")]
    [InlineData("--keep-within", "1d")]
    [InlineData("--keep-last", "1", "--tag", "imagebackup")]
    public void Forgetting_by_any_policy_keeps_the_one_that_counts(params string[] arguments)
    {
        ResticTool.Run(_rig["repo"], ["forget", .. arguments, "--prune", "--max-unused", "0"]);
        AssertCounts(_repository);
        Assert.NotEmpty(ResticRig.List(_repository));
        ResticTool.Run(_rig["repo"], "check", "--read-data");
        Exclude(_repository, "/d");
        Assert.Equal(4, Load(_repository).Revision);
    }

    /// <summary>What the format page warns of; afterwards the repository keeps no policy, and images are whole.</summary>
    [Theory]
    [InlineData("--keep-tag", "imagebackup")]
    [InlineData("--group-by", "", "--keep-last", "1")]
    public void What_takes_it_away_is_known(params string[] arguments)
    {
        int before = Load(_repository).Revision;
        string[] command = ["forget", .. arguments, "--prune", "--max-unused", "0"];
        if (arguments[0] == "--keep-tag" && ResticTool.IsAtLeast(0, 17))
        {
            // It refuses to forget the last of a group by tags.
            Assert.NotEqual(0, ResticTool.TryRun(_rig["repo"], command).Code);
            Assert.Equal(before, Load(_repository).Revision);
            return;
        }
        ResticTool.Run(_rig["repo"], command);
        Assert.Equal(0, Load(_repository).Revision);
        _rig.AssertRestores(_repository, ResticRig.List(_repository).Last().Id, _volume);
        Exclude(_repository, "/a");
        Assert.Equal(1, Load(_repository).Revision);
    }

    [Fact]
    public void Pruned_tagged_and_copied()
    {
        ResticTool.Run(_rig["repo"], "prune", "--max-unused", "0");
        AssertCounts(_repository);

        // Rewriting drops what restic does not know: the copy in the snapshot's JSON.
        ResticTool.Run(_rig["repo"], "tag", "--tag", "imagebackup-policy", "--add", "kept");
        AssertCounts(_repository);
        Assert.Null(Load(_repository).ModifiedAt);

        using ImageRepository other = _rig.CreateByRestic("other");
        ResticTool.Copy(_rig["repo"], _rig["other"]);
        AssertCounts(other);
        Assert.Equal(2, ResticRig.List(other).Length);
        ResticTool.Run(_rig["other"], "check", "--read-data");
    }
}
