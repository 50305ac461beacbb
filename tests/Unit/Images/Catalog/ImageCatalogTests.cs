using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Unit.Backup;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Catalog;

public sealed class ImageCatalogTests : IDisposable
{
    private readonly JobRig _rig = new();
    private int _count;

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void Nothing_is_listed_of_nothing() => Assert.Empty(List(new ImageFilter { IncludeInactive = true }));

    [Fact]
    public void The_newest_of_each_volume_and_computer_is_active()
    {
        string old = Save("/dev/sda1", "one", 1), now = Save("/dev/sda1", "one", 5), middle = Save("/dev/sda1", "one", 3);
        string other = Save("/dev/sda1", "two", 2), second = Save("/dev/sdb1", "one", 4);
        Assert.Equal([other, second, now], List(new ImageFilter()));
        Assert.Equal([old, other, middle, second, now], List(new ImageFilter { IncludeInactive = true }));
        Assert.Equal([old, middle], Images(new ImageFilter { IncludeInactive = true }).Where(i => !i.IsActive).Select(i => i.Id));
        Assert.Equal([now], List(new ImageFilter { Volumes = ["/dev/sda1"], ComputerNames = ["ONE"] }));
    }

    [Theory]
    [InlineData("/dev/sda1", 1)]
    [InlineData("/dev/sd*", 2)]
    [InlineData("/dev/sd?1", 2)]
    [InlineData("/DEV/SDA1", 0)]
    [InlineData("d:", 1)]
    [InlineData("D*", 1)]
    [InlineData("*", 4)]
    [InlineData("/dev/sda", 0)]
    [InlineData("/srv/[x].img", 1)]
    [InlineData("", 0)]
    public void Volumes_by_name_or_pattern(string pattern, int count)
    {
        Save("/dev/sda1", "one", 1);
        Save("/dev/sdb1", "one", 2);
        Save("D:", "one", 3);
        Save("/srv/[x].img", "one", 4);
        Assert.Equal(count, List(new ImageFilter { Volumes = [pattern] }).Count);
    }

    [Fact]
    public void The_newest_at_a_point_in_time()
    {
        string first = Save("/dev/sda1", "one", 1), second = Save("/dev/sda1", "one", 3);
        string other = Save("/dev/sdb1", "one", 2);
        Save("/dev/sdb1", "one", 9);
        Assert.Equal([first], List(new ImageFilter { PointInTime = Day(1) }));
        Assert.Equal([first, other], List(new ImageFilter { PointInTime = Day(2.5) }));
        Assert.Equal([other, second], List(new ImageFilter { PointInTime = Day(3) }));
        Assert.Empty(List(new ImageFilter { PointInTime = Day(0.5) }));
        // Given in another zone, it is the same moment.
        Assert.Equal([first, other], List(new ImageFilter { PointInTime = Day(2.5).ToOffset(TimeSpan.FromHours(13)) }));
    }

    [Fact]
    public void Tags_must_all_be_there()
    {
        string both = Save("/dev/sda1", "one", 1, ["x", "y"]);
        Save("/dev/sdb1", "one", 2, ["x"]);
        Assert.Equal([both], List(new ImageFilter { Tags = ["y", "x"] }));
        Assert.Equal(2, List(new ImageFilter { Tags = ["x"] }).Count);
        Assert.Empty(List(new ImageFilter { Tags = ["z"] }));
    }

    [Fact]
    public void One_image_by_the_beginning_of_its_id()
    {
        string[] ids = Enumerable.Range(0, 17).Select(i => Save("/dev/sda1", "one", i)).ToArray();
        var catalog = new ImageCatalog(_rig.Repository);
        foreach (string id in ids)
        {
            // Inactive ones too, and in any case.
            Assert.Equal(id, catalog.Find(id, CancellationToken.None).Id);
            Assert.Equal(id, catalog.Find(id[..20].ToUpperInvariant(), CancellationToken.None).Id);
        }
        // Of 17 ids two begin with the same digit.
        char shared = ids.GroupBy(i => i[0]).First(g => g.Count() > 1).Key;
        JobRig.AssertFails(ErrorId.ImageAmbiguous, () => catalog.Find(shared.ToString(), CancellationToken.None));
        JobRig.AssertFails(ErrorId.ImageNotFound, () => catalog.Find(new string('0', 63), CancellationToken.None));
        foreach (string nonsense in new[] { "", "xyz", "../..", ids[0] + "0", "*" })
            JobRig.AssertFails(ErrorId.ImageNotFound, () => catalog.Find(nonsense, CancellationToken.None));
    }

    [Fact]
    public void A_snapshot_that_cannot_be_read_is_told_and_left_out()
    {
        string good = Save("/dev/sda1", "one", 1), bad = Save("/dev/sdb1", "one", 2);
        byte[] content = _rig.Memory.Content(StoredKind.Snapshot, bad);
        _rig.Memory.Replace(StoredKind.Snapshot, bad, content[..^1]);
        var told = new List<Exception>();
        Assert.Equal([good], new ImageCatalog(_rig.Repository).List(new ImageFilter(), told.Add, CancellationToken.None).Select(i => i.Id));
        Assert.Equal(ErrorId.SnapshotCorrupt, Assert.IsType<ImageBackupException>(Assert.Single(told)).Id);
    }

    /// <summary>restic drops what it does not know when it rewrites a snapshot (restic tag).</summary>
    [Fact]
    public void Without_the_summary_the_tree_is_asked()
    {
        _rig.Volumes.Add("/mem/a", JobRig.Content("ab0", 5));
        ImageBackupInfo image = _rig.Backup("/mem/a", r => r with { Tags = ["x"] });
        SnapshotRecord snapshot = ImageContent.LoadSnapshot(_rig.Repository, image.Id);
        Assert.NotNull(snapshot.Summary);
        string rewritten = _rig.Repository.Files.SaveSealed(StoredKind.Snapshot, (snapshot with { Summary = null, Original = image.Id }).Write(), 2, _rig.Repository.Sealers);
        _rig.Memory.Delete(StoredKind.Snapshot, image.Id);
        ImageBackupInfo listed = Assert.Single(Images(new ImageFilter()));
        Assert.Equal((rewritten, true), (listed.Id, listed.IsOurs));
        Assert.Equal((image.Volume, image.SizeBytes, image.ChunkCount, image.ZeroChunkCount, image.ImageType), (listed.Volume, listed.SizeBytes, listed.ChunkCount, listed.ZeroChunkCount, listed.ImageType));
        _rig.AssertRestores(rewritten, JobRig.Content("ab0", 5));
    }

    [Fact]
    public void A_later_schema_is_not_taken_for_ours()
    {
        Save("/dev/sda1", "one", 1, summary: new ImageMetadata { Schema = 2, VolumeName = "x", SizeBytes = 1, Start = Day(1) });
        var told = new List<Exception>();
        Assert.Empty(new ImageCatalog(_rig.Repository).List(new ImageFilter(), told.Add, CancellationToken.None));
        Assert.Single(told);
    }

    private IReadOnlyList<ImageBackupInfo> Images(ImageFilter filter) =>
        new ImageCatalog(_rig.Repository).List(filter, e => Assert.Fail(e.Message), CancellationToken.None);

    private List<string> List(ImageFilter filter) => Images(filter).Select(i => i.Id).ToList();

    private static DateTimeOffset Day(double day) => new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).AddDays(day);

    private string Save(string volume, string computer, double day, string[]? tags = null, ImageMetadata? summary = null)
    {
        var snapshot = new SnapshotRecord
        {
            Time = Day(day),
            Tree = BlobId.Of(BitConverter.GetBytes(++_count)),
            Paths = [volume],
            HostName = computer,
            Tags = tags ?? [],
            Summary = ImageMetadataJson.WriteSummary(summary ?? new ImageMetadata { VolumeName = volume, SizeBytes = 100, Start = Day(day) }),
        };
        return _rig.Repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), 2, _rig.Repository.Sealers);
    }
}
