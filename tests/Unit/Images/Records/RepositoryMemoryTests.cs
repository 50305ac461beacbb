using System;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Platform.Files;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Unit.Backup;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Records;

/// <summary>What a machine has seen of a repository is not undone by who can only write to it.</summary>
public sealed class RepositoryMemoryTests : IDisposable
{
    private readonly JobRig _rig = new();
    private readonly TemporaryDirectory _directory = new();
    private readonly RepositoryMemory _memory;

    public RepositoryMemoryTests() => _memory = new RepositoryMemory(_directory["state/memory.json"]);

    public void Dispose()
    {
        _rig.Dispose();
        _directory.Dispose();
    }

    /// <summary>Another process of this machine.</summary>
    private EnforcedPolicyStore Store => new(_rig.Repository, null, new RepositoryMemory(_directory["state/memory.json"]));

    private static EnforcedPolicy Load(EnforcedPolicyStore store) => store.Load(e => Assert.Fail(e.ToString()), CancellationToken.None);

    private EnforcedPolicy Exclude(string pattern)
    {
        EnforcedPolicy was = Load(Store);
        return Store.Save(was with { Rules = was.Rules.Set(new RuleSpecification { Kind = RuleKind.Exclude, Pattern = pattern }) }, CancellationToken.None);
    }

    private void Delete(string? snapshotId) => _rig.Memory.Delete(StoredKind.Snapshot, snapshotId!);

    private static string[] Rules(EnforcedPolicy policy) => [.. policy.Rules.Rules.Select(rule => rule.Pattern.Text)];

    [Fact]
    public void A_policy_that_was_seen_counts_until_its_removal_is_accepted()
    {
        Exclude("/a");
        EnforcedPolicy second = Exclude("/b");
        Assert.Null(Load(Store).Rollback);
        Delete(second.SnapshotId);
        for (int run = 0; run < 2; run++)
        {
            EnforcedPolicy kept = Load(Store);
            Assert.Equal(["/b", "/a"], Rules(kept));
            Assert.Equal(2, kept.Revision);
            Assert.Contains("revision 2", kept.Rollback, StringComparison.Ordinal);
            Assert.Contains("revision 1", kept.Rollback, StringComparison.Ordinal);
        }
        // A machine that has not seen it cannot know.
        Assert.Equal(["/a"], Rules(Load(new EnforcedPolicyStore(_rig.Repository))));
        Store.Accept(null, CancellationToken.None);
        EnforcedPolicy accepted = Load(Store);
        Assert.Null(accepted.Rollback);
        Assert.Equal(["/a"], Rules(accepted));
    }

    [Fact]
    public void So_it_is_if_none_is_left()
    {
        EnforcedPolicy only = Exclude("/a");
        Delete(only.SnapshotId);
        EnforcedPolicy kept = Load(Store);
        Assert.Equal(["/a"], Rules(kept));
        Assert.Contains("no rules and classes any more", kept.Rollback, StringComparison.Ordinal);
        Assert.Empty(Store.Accept(null, CancellationToken.None).Rules.Rules);
        Assert.Null(Load(Store).Rollback);
    }

    [Fact]
    public void To_change_the_policy_puts_it_back()
    {
        Exclude("/a");
        Delete(Exclude("/b").SnapshotId);
        EnforcedPolicy again = Exclude("/c");
        Assert.Equal((3, null), (again.Revision, again.Rollback));
        Assert.Equal(["/c", "/b", "/a"], Rules(Load(new EnforcedPolicyStore(_rig.Repository))));
        Assert.Null(Load(Store).Rollback);
    }

    [Fact]
    public void An_image_that_this_machine_made_is_missed_once()
    {
        _rig.Volumes.Add("/mem/a", new byte[100]);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        var vanished = new VanishedImages(_rig.Repository, _memory);
        Assert.Null(vanished.Missing(image.ComputerName, image.Volume));
        vanished.Note(image);
        Assert.Null(vanished.Missing(image.ComputerName, image.Volume));
        Assert.Empty(vanished.AllMissing());
        Delete(image.Id);
        Assert.Contains(image.ShortId, Assert.Single(vanished.AllMissing()), StringComparison.Ordinal);
        Assert.Null(vanished.Missing(image.ComputerName, "/mem/b"));
        Assert.Null(vanished.Missing("another", image.Volume));
        Assert.Contains(image.ShortId, vanished.Missing(image.ComputerName, image.Volume), StringComparison.Ordinal);
        Assert.Null(vanished.Missing(image.ComputerName, image.Volume));
        Assert.Empty(vanished.AllMissing());
    }

    [Fact]
    public void One_that_was_removed_on_purpose_is_not_missed()
    {
        _rig.Volumes.Add("/mem/a", new byte[100]);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        var vanished = new VanishedImages(_rig.Repository, _memory);
        vanished.Note(image);
        Delete(image.Id);
        _memory.Forget([image.Id]);
        Assert.Null(vanished.Missing(image.ComputerName, image.Volume));
    }

    /// <summary>Names are anybody's; the file is ours.</summary>
    [Fact]
    public void What_is_remembered_comes_back_as_it_was()
    {
        var seen = new SeenImage("PC\u001b", "/dev/\"x\n\\y", new string('a', 64), new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.FromHours(2)));
        var policy = new SeenPolicy(7, new string('b', 64), [1, 2, 3], [], DateTimeOffset.UnixEpoch, "pc", null);
        Assert.Null(_memory.NoteImage(seen));
        Assert.Null(_memory.NotePolicy(policy));
        Assert.Equal(seen, _memory.NewestOf("pc\u001b", "/dev/\"x\n\\y"));
        SeenPolicy read = _memory.Policy!;
        Assert.Equal(policy with { Rules = read.Rules, Classes = read.Classes }, read);
        Assert.Equal([1, 2, 3], read.Rules);
        if (OperatingSystem.IsLinux())
            Assert.Equal(FileModes.OwnerOnly, FileModes.Of(_directory["state/memory.json"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"version\":2,\"images\":[]}")]
    [InlineData("{\"version\":1}")]
    [InlineData("{\"version\":1,\"images\":[{\"id\":7}]}")]
    [InlineData("{\"version\":1,\"images\":[],\"policy\":{\"revision\":\"x\"}}")]
    [InlineData("{\"version\":1,\"images\":[],\"policy\":{\"revision\":1,\"rules\":\"?\",\"classes\":\"\"}}")]
    public void A_damaged_file_is_as_if_there_were_none(string text)
    {
        Assert.Null(StateFile.TryWrite(_directory["state/memory.json"], text));
        Assert.Null(_memory.Policy);
        Assert.Empty(_memory.Images);
        Assert.Null(_memory.NotePolicy(new SeenPolicy(1, null, [], [], null, null, null)));
        Assert.Equal(1, _memory.Policy!.Revision);
    }

    /// <summary>Who could write the file would decide which rules count.</summary>
    [Fact]
    public void A_file_that_others_may_write_is_not_believed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Modes of the UNIX kind.");
        Assert.Null(_memory.NotePolicy(new SeenPolicy(9, null, [], [], null, null, null)));
        FileModes.Set(_directory["state/memory.json"], 0x1B6);
        Assert.Null(_memory.Policy);
    }
}
