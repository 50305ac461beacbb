using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Planning;

public sealed class VolumePlanTests : IDisposable
{
    private static readonly RuleParseOptions s_linux = new() { IsWindows = false };
    private readonly JobRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void The_image_records_rule_class_and_who_decided()
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/a", new byte[100]);
        ImagePolicy policy = Policy(
            "  include.image /mem/* GOLD imagegapsize=1m\nexclude.image /mem/b\nsnapshotfsidlewait 500ms\n",
            new ManagementClass { Name = "Gold", ChangingRetries = 7, Retention = new RetentionValues { VersionsExist = 9, RetainOnlyDays = RetentionLimit.NoLimit } });
        VolumePlan plan = VolumePlan.Make(policy, Of(volume), new ImageOptions { ImageType = ImageType.Dynamic }, null, _ => "there is no provider");
        ImageBackupInfo image = _rig.Backup("/mem/a", r => r with { Plan = plan, ImageType = plan.Type.Type });
        ImageBackupInfo listed = Assert.Single(new ImageCatalog(_rig.Repository).List(new ImageFilter(), null, CancellationToken.None));
        ImageBackupInfo fromTree = ImageContent.Load(_rig.Repository, image.Id, _rig.Repository.LoadIndex(CancellationToken.None), CancellationToken.None).Info;
        foreach (ImageBackupInfo info in new[] { image, listed, fromTree })
        {
            Assert.Equal("Gold", info.ManagementClass);
            Assert.Equal(new RetentionValues { VersionsExist = 9, RetainOnlyDays = RetentionLimit.NoLimit }, info.Retention);
            Assert.Equal(new MatchedRule
            {
                Text = "include.image /mem/* GOLD imagegapsize=1m", Path = "/etc/x.rules", Line = 1, Pattern = "/mem/*", MatchedName = "/mem/a",
            }, info.Rule);
            Assert.Equal("include.image /mem/* GOLD imagegapsize=1m [/etc/x.rules(1)]", info.Rule!.ToString());
            Assert.Equal(
            [
                "ManagementClass=Gold (Rule /etc/x.rules(1))", "ImageType=dynamic (CommandLine)", "GapSize=1m (Rule /etc/x.rules(1))",
                "ChunkSize= (BuiltIn)", "Compression=auto (BuiltIn)", "SnapshotBackupType=copy (BuiltIn)", "SnapshotProvider= (BuiltIn)", "SnapshotCacheSize=100 (BuiltIn)", "SnapshotCacheLocation= (BuiltIn)",
                "IdleWait=0.5s (ClientWide /etc/x.rules)", "IdleRetries=7 (ManagementClass Gold)", "PreSnapshotCommand= (BuiltIn)",
                "PostSnapshotCommand= (BuiltIn)", "Serialization=shrstatic (BuiltIn)", "ChangingRetries=7 (ManagementClass Gold)",
            ], info.Options.Select(option => option.ToString()));
        }
    }

    [Fact]
    public void Without_a_plan_nothing_is_recorded()
    {
        _rig.Volumes.Add("/mem/a", new byte[100]);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        Assert.Equal((null, null, null, 0), (image.ManagementClass, image.Retention, image.Rule, image.Options.Count));
    }

    /// <summary>Every name that the system or the volume's bytes give may hit.</summary>
    [Theory]
    [InlineData("/dev/sda1")]
    [InlineData("/srv/data")]
    [InlineData("/dev/disk/by-id/*")]
    [InlineData("LABEL=Da?a")]
    [InlineData("UUID=1234-*")]
    [InlineData("PARTUUID=77")]
    public void A_rule_may_name_the_volume_by_any_of_its_names(string pattern)
    {
        MemoryVolume memory = _rig.Volumes.Add("/dev/sda1", new byte[100], d => d with
        {
            MountPoints = ["/srv/data"], Aliases = ["/dev/disk/by-id/x"], PartitionUuid = "77",
        });
        ImageVolume volume = Of(memory) with { FileSystemProbe = new ImageBackup.FileSystemDescription { Type = "ext4", Label = "Data", Uuid = "1234-ABCD" } };
        VolumePlan plan = VolumePlan.Make(Policy("exclude.image " + pattern), volume, null, null, _ => null);
        Assert.False(plan.IsIncluded);
        Assert.Equal((pattern, 1), (plan.Rule!.Pattern, plan.Rule.Line));
    }

    [Theory]
    [InlineData("", false, "no", ImageType.Static, OptionSource.BuiltIn)]
    [InlineData("", true, "no", ImageType.Static, OptionSource.BuiltIn)]
    [InlineData("", true, null, ImageType.Snapshot, OptionSource.BuiltIn)]
    [InlineData("imagetype static", true, "no", ImageType.Static, OptionSource.ClientWide)]
    [InlineData("include.image * imagetype=static", true, null, ImageType.Static, OptionSource.Rule)]
    [InlineData("include.image * imagetype=snapshot", true, "no", ImageType.Static, OptionSource.Rule)]
    public void The_type_is_decided_beforehand(string rules, bool isMounted, string? whyNoSnapshot, ImageType type, OptionSource source)
    {
        MemoryVolume volume = _rig.Volumes.Add("/dev/sda1", new byte[100], d => d with { MountPoints = isMounted ? ["/srv"] : [] });
        VolumePlan plan = VolumePlan.Make(Policy(rules), Of(volume), null, null, _ => whyNoSnapshot);
        Assert.Equal((type, source), (plan.Type.Type, plan.Type.Source));
    }

    private static ImageVolume Of(MemoryVolume volume) => new(volume.Description);

    private static ImagePolicy Policy(string rules, params IEnumerable<ManagementClass> classes)
    {
        ManagementClassDocument document = classes.Aggregate(ManagementClassDocument.Empty, (all, each) => all.Set(each));
        return new ImagePolicy(RuleDocument.Parse(rules, "/etc/x.rules", s_linux), null, new ManagementClassCatalog(document));
    }
}
