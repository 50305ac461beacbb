using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Unit.Backup;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Records;

/// <summary>The policy in a repository's keeping.</summary>
public sealed class EnforcedPolicyStoreTests : IDisposable
{
    private readonly JobRig _rig = new();

    public void Dispose() => _rig.Dispose();

    private EnforcedPolicyStore Store => new(_rig.Repository);

    private static EnforcedPolicy Load(EnforcedPolicyStore store, List<Exception>? warnings = null) =>
        store.Load(warnings is null ? e => Assert.Fail(e.ToString()) : warnings.Add, CancellationToken.None);

    private static EnforcedPolicy Exclude(EnforcedPolicyStore store, string pattern)
    {
        EnforcedPolicy was = Load(store);
        return store.Save(was with { Rules = was.Rules.Set(new RuleSpecification { Kind = RuleKind.Exclude, Pattern = pattern }) }, CancellationToken.None);
    }

    [Fact]
    public void A_repository_without_one_has_an_empty_one()
    {
        EnforcedPolicy none = Load(Store);
        Assert.Equal((0, null, null, 0, 0), (none.Revision, none.SnapshotId, none.ModifiedAt, none.Rules.Rules.Count, none.Classes.Classes.Count));
    }

    [Fact]
    public void What_is_kept_comes_back_and_the_last_change_counts()
    {
        EnforcedPolicyStore store = Store;
        Exclude(store, "/a");
        EnforcedPolicy was = Load(store);
        store.Save(was with { Classes = was.Classes.Set(new ManagementClass { Name = "GOLD", FrequencyDays = 3 }).WithDefault("GOLD") }, CancellationToken.None);
        EnforcedPolicy now = Exclude(store, "/b ü");
        foreach (EnforcedPolicyStore each in new[] { store, Store })
        {
            EnforcedPolicy read = Load(each);
            Assert.Equal((3, now.SnapshotId), (read.Revision, read.SnapshotId));
            Assert.Equal(["/b ü", "/a"], read.Rules.Rules.Select(rule => rule.Pattern.Text));
            Assert.All(read.Rules.Rules, rule => Assert.True(rule.IsEnforced));
            Assert.Equal(("GOLD", 3, true), (read.Classes.DefaultClass, read.Classes.Find("gold")!.FrequencyDays, read.Classes.Find("gold")!.IsEnforced));
            Assert.InRange(read.ModifiedAt!.Value, DateTimeOffset.Now.AddHours(-1), DateTimeOffset.Now.AddHours(1));
            Assert.Equal(Environment.UserName, read.UserName);
        }
        Assert.Empty(_rig.Repository.Locks());
        Assert.True(_rig.Repository.Check(readData: true, null, CancellationToken.None).IsHealthy);
    }

    [Fact]
    public void It_is_no_image_and_the_latest_snapshot_is_one()
    {
        _rig.Volumes.Add("/mem/a", new byte[100]);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        EnforcedPolicy policy = Exclude(Store, "/x");
        var catalog = new ImageCatalog(_rig.Repository);
        Assert.Equal(image.Id, Assert.Single(catalog.List(new ImageFilter { IncludeInactive = true }, e => Assert.Fail(e.ToString()), CancellationToken.None)).Id);
        JobRig.AssertFails(ErrorId.ImageInvalid, () => catalog.Find(policy.SnapshotId!, CancellationToken.None));
        JobRig.AssertFails(ErrorId.ImageInvalid, () => _rig.Verify(policy.SnapshotId!));
        Assert.True(ImageContent.LoadSnapshot(_rig.Repository, policy.SnapshotId!).Time < ImageContent.LoadSnapshot(_rig.Repository, image.Id).Time);
    }

    /// <summary>Tags are anybody's: neither an image of ours nor a snapshot of restic's becomes the policy by one.</summary>
    [Fact]
    public void An_image_that_carries_the_tag_stays_one()
    {
        _rig.Volumes.Add("/mem/a", new byte[100]);
        ImageBackupInfo image = _rig.Backup("/mem/a", r => r with { Tags = [PolicyRecord.Tag] });
        Assert.Equal(0, Load(Store).Revision);
        Assert.Equal(image.Id, Assert.Single(new ImageCatalog(_rig.Repository).List(new ImageFilter(), null, CancellationToken.None)).Id);
        SnapshotRecord foreign = ImageContent.LoadSnapshot(_rig.Repository, image.Id) with { Tags = [PolicyRecord.Tag], Summary = null };
        Save(foreign);
        Assert.Equal(0, Load(Store).Revision);
    }

    /// <summary>restic drops what it does not know when it rewrites a snapshot.</summary>
    [Fact]
    public void Without_its_copy_it_is_read_from_the_tree()
    {
        EnforcedPolicy policy = Exclude(Store, "/a");
        SnapshotRecord snapshot = ImageContent.LoadSnapshot(_rig.Repository, policy.SnapshotId!);
        _rig.Memory.Delete(StoredKind.Snapshot, policy.SnapshotId!);
        string rewritten = Save(snapshot with { Summary = null, Original = policy.SnapshotId, Tags = [PolicyRecord.Tag, "more"] });
        EnforcedPolicy read = Load(Store);
        Assert.Equal((rewritten, 1, null, "/a"), (read.SnapshotId, read.Revision, read.ModifiedAt, read.Rules.Rules.Single().Pattern.Text));
        Assert.Equal(2, Exclude(Store, "/b").Revision);
    }

    [Fact]
    public void A_large_one_lies_in_the_tree_alone()
    {
        EnforcedPolicyStore store = Store;
        EnforcedPolicy was = Load(store);
        var text = new StringBuilder();
        for (int i = 0; i < 20_000; i++)
            text.Append("exclude.image /srv/volume-").Append(i).Append('\n');
        RuleDocument rules = RuleDocument.Parse(text.ToString(), store.RulesName, was.Rules.ParseOptions);
        string id = store.Save(was with { Rules = rules }, CancellationToken.None).SnapshotId!;
        Assert.True(_rig.Memory.Load(StoredKind.Snapshot, id, 1 << 20).Length < 2000);
        Assert.Equal(20_000, Load(Store).Rules.Rules.Count);
    }

    [Fact]
    public void Two_who_change_it_at_once_do_not_undo_each_other()
    {
        EnforcedPolicy mine = Load(Store);
        Exclude(Store, "/theirs");
        RuleDocument rules = mine.Rules.Set(new RuleSpecification { Kind = RuleKind.Exclude, Pattern = "/mine" });
        JobRig.AssertFails(ErrorId.PolicyWriteFailed, () => Store.Save(mine with { Rules = rules }, CancellationToken.None));
        Assert.Equal("/theirs", Load(Store).Rules.Rules.Single().Pattern.Text);
    }

    [Fact]
    public void What_machines_could_not_obey_is_not_kept()
    {
        EnforcedPolicy was = Load(Store);
        RuleDocument rules = was.Rules.Set(new RuleSpecification { Kind = RuleKind.Include, Pattern = "/a", ManagementClass = "NOPE" });
        JobRig.AssertFails(ErrorId.ManagementClassNotFound, () => Store.Save(was with { Rules = rules }, CancellationToken.None));
        JobRig.AssertFails(ErrorId.ManagementClassNotFound, () => Store.Save(was with { Classes = was.Classes.WithDefault("NOPE") }, CancellationToken.None));
        Assert.Equal(0, _rig.SnapshotCount);
    }

    [Fact]
    public void One_that_cannot_be_read_is_told_and_one_that_is_wrong_stops()
    {
        EnforcedPolicy policy = Exclude(Store, "/a");
        SnapshotRecord snapshot = ImageContent.LoadSnapshot(_rig.Repository, policy.SnapshotId!);
        SnapshotRecord faulty = PolicyRecord.Make(5, snapshot.Tree, ("include.image /a nope=1\n"u8.ToArray(), []), DateTimeOffset.Now, "h", "u");
        string id = Save(faulty);
        RuleFileException e = Assert.Throws<RuleFileException>(() => Load(Store));
        Assert.Equal((Store.RulesName, 1, 18), (e.Path, e.Line, e.Column));
        _rig.Memory.Delete(StoredKind.Snapshot, id);

        _rig.Memory.Delete(StoredKind.Snapshot, policy.SnapshotId!);
        _rig.Memory.Save(StoredKind.Snapshot, policy.SnapshotId!, new byte[100]);
        var warnings = new List<Exception>();
        Assert.Equal(0, Load(Store, warnings).Revision);
        Assert.Equal(ErrorId.SnapshotCorrupt, Assert.IsType<ImageBackupException>(Assert.Single(warnings)).Id);
    }

    private string Save(SnapshotRecord snapshot) =>
        _rig.Repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), _rig.Repository.FormatVersion, _rig.Repository.Sealers);
}
