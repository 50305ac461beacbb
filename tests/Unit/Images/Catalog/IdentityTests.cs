using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Retention;
using ImageBackup.Engine.Removal;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Catalog;

/// <summary>Images, histories, retention and restores go by which volume it is, not by what it is called.</summary>
public sealed class IdentityTests : IDisposable
{
    private readonly JobRig _rig = new(TestRepository.NewQuickStorage());

    public void Dispose() => _rig.Dispose();

    private static VolumeIdentity Place(string partition, string? disk = null) => VolumeIdentity.Of(
        new[] { new IdentityFact(IdentityFactKind.GptPartition, "d/" + partition), disk is null ? null : new IdentityFact(IdentityFactKind.Hardware, disk) }.OfType<IdentityFact>());

    private void Put(string name, string partition, string pattern = "ab", string? mount = null, string? disk = null) => _rig.Volumes.Add(name, JobRig.Content(pattern),
        volume => volume with { Identity = Place(partition, disk), MountPoints = mount is null ? [] : [mount] });

    private IReadOnlyList<ImageBackupInfo> List(ImageFilter? filter = null, List<Exception>? told = null) =>
        new ImageCatalog(_rig.Repository).List(filter ?? new ImageFilter { IncludeInactive = true }, told is null ? e => Assert.Fail(e.Message) : told.Add, CancellationToken.None);

    private ImageVolume Look(string name) => new VolumeInventory(_rig.Volumes).Look(_rig.Volumes.Find(name), CancellationToken.None);

    /// <summary>Seen before: the next volume of the name became a version of the first one's images, and made them expire.</summary>
    [Fact]
    public void Volumes_that_swap_names_keep_their_histories()
    {
        Put("/mem/a", "one", "ab");
        Put("/mem/b", "two", "cd");
        ImageBackupInfo one = _rig.Backup("/mem/a"), two = _rig.Backup("/mem/b");
        Put("/mem/a", "two", "ce");
        Put("/mem/b", "one", "af");
        ImageBackupInfo laterTwo = _rig.Backup("/mem/a"), laterOne = _rig.Backup("/mem/b");
        Assert.Equal((one.VolumeId, two.VolumeId), (laterOne.VolumeId, laterTwo.VolumeId));
        Assert.NotEqual(one.VolumeId, two.VolumeId);
        Assert.Equal([laterTwo.Id, laterOne.Id], List(new ImageFilter()).Select(image => image.Id));
        foreach (ImageBackupInfo image in List())
        {
            SnapshotRecord snapshot = ImageContent.LoadSnapshot(_rig.Repository, image.Id);
            Assert.Equal([image.VolumeId], snapshot.Paths);
            // The parent is the volume's own last image, whatever it was called.
            Assert.Equal(image.Id == laterOne.Id ? one.Id : image.Id == laterTwo.Id ? two.Id : null, snapshot.Parent);
        }
        Assert.Equal(1, laterOne.NewChunkCount);
        // Proven by its id, an image says which volume it is of.
        Assert.Equal((true, one.VolumeId), (_rig.Verify(laterOne.Id).IsWhole, _rig.Verify(laterOne.Id).VolumeId));
    }

    [Fact]
    public void Retention_counts_versions_of_a_volume_and_not_of_a_name()
    {
        Put("/mem/a", "one");
        string one = _rig.Backup("/mem/a").Id;
        Put("/mem/a", "two");
        string[] two = [_rig.Backup("/mem/a").Id, _rig.Backup("/mem/a").Id, _rig.Backup("/mem/a").Id];
        ManagementClassDocument classes = ManagementClassDocument.Empty.Set(new ManagementClass
        {
            Name = "STANDARD",
            Retention = new RetentionValues { VersionsExist = 1, RetainExtraDays = RetentionLimit.NoLimit },
        });
        Assert.All(List(), image => Assert.Null(image.ManagementClass));
        // These have no class, so they are evaluated with one.
        IReadOnlyList<RetentionResult> verdicts = new RetentionEngine(_ => classes.Classes[0], DateTimeOffset.Now, TimeSpan.Zero).Evaluate(
            [.. List().Select(image => new RetentionImage { Id = image.Id, Volume = image.VolumeId, ComputerName = image.ComputerName, Time = new DateTimeOffset(image.BackupTime) })], []);
        Assert.Equal([two[0], two[1]], verdicts.Where(verdict => verdict.IsExpired).Select(verdict => verdict.Image.Id));
        Assert.Equal([one, two[2]], List(new ImageFilter()).Select(image => image.Id));
        Assert.Equal([one, two[2]], List(new ImageFilter { PointInTime = DateTimeOffset.Now.AddMinutes(1) }).Select(image => image.Id));
    }

    [Fact]
    public void A_formatted_partition_continues_its_history_and_says_so()
    {
        static FileSystemDescription FileSystem(string uuid) => new() { Type = "ext4", Uuid = uuid };
        ImageBackupInfo first = Save("/dev/sda1", 1, Place("one").WithFileSystem("ext4", "11111111-1111-1111-1111-111111111111"), FileSystem("11111111-1111-1111-1111-111111111111"));
        Put("/mem/a", "one");
        ImageBackupInfo second = _rig.Backup("/mem/a");
        Assert.Equal(first.VolumeId, second.VolumeId);
        Assert.Contains(second.Warnings, warning => warning.Contains("file system", StringComparison.Ordinal) && warning.Contains("11111111-1111", StringComparison.Ordinal)
            && warning.Contains(first.ShortId, StringComparison.Ordinal));
        Assert.DoesNotContain(_rig.Backup("/mem/a").Warnings, warning => warning.Contains("the volume's history", StringComparison.Ordinal));
    }

    [Fact]
    public void Old_images_are_grouped_by_what_they_say()
    {
        // Two volumes that had one name, one of which has images with ids now; a third that says nothing.
        string one = Save("/dev/loop6", 1, null, new FileSystemDescription { Type = "ext4", Uuid = "11111111-1111-1111-1111-111111111111" }).Id;
        string two = Save("/dev/loop6", 2, null, new FileSystemDescription { Type = "ext4", Uuid = "22222222-2222-2222-2222-222222222222" }).Id;
        string oneAgain = Save("/dev/loop6", 3, null, new FileSystemDescription { Type = "ext4", Uuid = "11111111-1111-1111-1111-111111111111" }).Id;
        ImageBackupInfo now = Save("/dev/loop9", 4, Place("one").WithFileSystem("ext4", "11111111-1111-1111-1111-111111111111"), null);
        string nothing = Save("/dev/loop6", 5, null, null).Id;
        Dictionary<string, ImageBackupInfo> images = List().ToDictionary(image => image.Id);
        Assert.Equal([now.VolumeId, now.VolumeId], new[] { one, oneAgain }.Select(id => images[id].VolumeId));
        Assert.Equal("/imagebackup-volume/fileSystem/22222222-2222-2222-2222-222222222222", images[two].VolumeId);
        Assert.Equal("/dev/loop6", images[nothing].VolumeId);
        Assert.Equal([two, now.Id, nothing], List(new ImageFilter()).Select(image => image.Id));
    }

    [Fact]
    public void A_name_means_the_volume_that_has_it_now()
    {
        Put("/mem/a", "one");
        string one = _rig.Backup("/mem/a").Id;
        Put("/mem/a", "two");
        string two = _rig.Backup("/mem/a").Id;
        Put("/mem/b", "one");
        List<string> Named(string name, ImageVolume? present) => [.. List(new ImageFilter { Named = [new VolumeReference(name, present)] }).Select(image => image.Id)];
        Assert.Equal([two], Named("/mem/a", Look("/mem/a")));
        Assert.Equal([one], Named("/mem/b", Look("/mem/b")));
        // Nobody has the name: two volumes had it.
        var e = Assert.Throws<ImageBackupException>(() => Named("/mem/a", null));
        Assert.Equal(ErrorId.VolumeAmbiguous, e.Id);
        Assert.All(List(), image => Assert.Contains(image.VolumeId, e.Message, StringComparison.Ordinal));
        Assert.Equal([one], Named(List().First(image => image.Id == one).VolumeId, null));
    }

    [Fact]
    public void A_volume_without_images_does_not_get_those_of_its_name()
    {
        Put("/mem/a", "one");
        string one = _rig.Backup("/mem/a").Id;
        Put("/mem/a", "new");
        var told = new List<Exception>();
        var reference = new VolumeReference("/mem/a", Look("/mem/a"));
        Assert.Empty(List(new ImageFilter { Named = [reference] }, told));
        Assert.Equal(ErrorId.VolumeIsAnother, Assert.IsType<ImageBackupException>(Assert.Single(told)).Id);
        // A restore to a new disk asks for them all the same, and is told.
        Assert.Equal([one], List(new ImageFilter { Named = [reference], IncludeFormerNames = true }, told).Select(image => image.Id));
        Assert.Equal(2, told.Count);
    }

    [Theory]
    [InlineData("LABEL=data", true)]
    [InlineData("LABEL=DATA", false)]
    [InlineData("UUID=11111111-1111-1111-1111-11111111111A", true)]
    [InlineData("PARTUUID=P-1", true)]
    [InlineData("PARTLABEL=\"pl\"", true)]
    [InlineData("/srv/data/", true)]
    [InlineData("/dev/disk/by-id/x", true)]
    [InlineData("/srv", false)]
    public void What_is_gone_is_known_by_its_images_records(string name, bool isFound)
    {
        string id = Save("/dev/sda1", 1, Place("one"), new FileSystemDescription { Type = "ext4", Label = "data", Uuid = "11111111-1111-1111-1111-11111111111a" },
            metadata => metadata with { MountPoints = ["/srv/data"], PartitionUuid = "p-1", PartitionLabel = "pl", Aliases = ["/dev/disk/by-id/x"] }).Id;
        Assert.Equal(isFound ? [id] : [], List(new ImageFilter { Named = [new VolumeReference(name, null)] }).Select(image => image.Id));
    }

    [Fact]
    public void Of_another_computer_the_records_are_asked()
    {
        string there = Save("/mem/a", 1, Place("theirs"), null, computer: "another").Id;
        Put("/mem/a", "one");
        string here = _rig.Backup("/mem/a").Id;
        Assert.Equal([there, here], List(new ImageFilter { Named = [new VolumeReference("/mem/a", Look("/mem/a"))] }).Select(image => image.Id));
    }

    [Fact]
    public void A_statement_that_a_volume_is_gone_is_of_the_volume()
    {
        Put("/mem/a", "one");
        ImageBackupInfo one = _rig.Backup("/mem/a");
        Put("/mem/a", "two");
        ImageBackupInfo two = _rig.Backup("/mem/a");
        var job = new RemoveJob(_rig.Repository);
        job.State(new VolumeRemoval(one.VolumeId, one.ComputerName, DateTimeOffset.Now), CancellationToken.None);
        Assert.Equal([two.Id], List(new ImageFilter()).Select(image => image.Id));
        // An old statement has the name: it means the volume that had it last.
        job.State(new VolumeRemoval("/mem/a", one.ComputerName, DateTimeOffset.Now), CancellationToken.None);
        Assert.Empty(List(new ImageFilter()));
        job.Remove([one.Id], null, null, CancellationToken.None);
        Assert.Equal(2, _rig.SnapshotCount);
        job.Remove([two.Id], null, null, CancellationToken.None);
        Assert.Equal(0, _rig.SnapshotCount);
    }

    [Fact]
    public void A_restore_without_destination_goes_to_the_volume_itself()
    {
        Put("/mem/a", "one");
        ImageBackupInfo image = _rig.Backup("/mem/a");
        OriginalVolume Find() => OriginalVolume.Find(image, _rig.Volumes, CancellationToken.None);
        Assert.Equal(("/mem/a", 0), (Find().Name, Find().Warnings.Count));

        // It has another name now: it is found, and that is said.
        Put("/mem/a", "two");
        Put("/mem/b", "one");
        Assert.Equal("/mem/b", Find().Name);
        Assert.Contains("'/mem/b'", Assert.Single(Find().Warnings), StringComparison.Ordinal);

        // Two of it are here.
        Put("/mem/c", "one");
        var e = Assert.Throws<ImageBackupException>(Find);
        Assert.Equal(ErrorId.VolumeAmbiguous, e.Id);
        Assert.Contains("/mem/b", e.Message, StringComparison.Ordinal);
        Assert.Contains("/mem/c", e.Message, StringComparison.Ordinal);

        // Another one has the name.
        Put("/mem/b", "three");
        Put("/mem/c", "four");
        e = Assert.Throws<ImageBackupException>(Find);
        Assert.Equal(ErrorId.VolumeIsAnother, e.Id);
        Assert.Contains("GPT partition d/one", e.Message, StringComparison.Ordinal);
        Assert.Contains("GPT partition d/two", e.Message, StringComparison.Ordinal);

        // Nothing tells.
        _rig.Volumes.Add("/mem/a", JobRig.Content("ab"));
        Assert.Equal(ErrorId.VolumeIdentityUnknown, Assert.Throws<ImageBackupException>(Find).Id);
    }

    [Fact]
    public void Of_an_old_image_that_says_nothing_it_cannot_be_told()
    {
        ImageBackupInfo image = Save("/mem/a", 1, null, null);
        Put("/mem/a", "one");
        Assert.Equal(ErrorId.VolumeIdentityUnknown, Assert.Throws<ImageBackupException>(() => OriginalVolume.Find(image, _rig.Volumes, CancellationToken.None)).Id);
        Assert.Equal(ErrorId.VolumeNotFound, Assert.Throws<ImageBackupException>(() => OriginalVolume.Find(image with { Volume = "/mem/none" }, _rig.Volumes, CancellationToken.None)).Id);
    }

    [Fact]
    public void A_clone_that_is_named_by_hand_warns_and_has_a_history_of_its_own()
    {
        Put("/mem/a", "one", disk: "disk1");
        Put("/mem/b", "one", disk: "disk2");
        var inventory = new VolumeInventory(_rig.Volumes);
        string[] twins = [.. inventory.TwinsOf(Look("/mem/b"), CancellationToken.None).Select(twin => twin.Name)];
        Assert.Equal(["/mem/a"], twins);
        ImageBackupInfo original = _rig.Backup("/mem/a", request => request with { Twins = ["/mem/b"] });
        ImageBackupInfo clone = _rig.Backup("/mem/b", request => request with { Twins = twins });
        Assert.Contains(clone.Warnings, warning => warning.Contains("clone", StringComparison.Ordinal));
        Assert.NotEqual(original.VolumeId, clone.VolumeId);
        Assert.Equal(original.VolumeId, _rig.Backup("/mem/a", request => request with { Twins = ["/mem/b"] }).VolumeId);
        Assert.Equal(clone.VolumeId, _rig.Backup("/mem/b").VolumeId);
        Assert.Equal(2, List(new ImageFilter()).Count);
    }

    [Theory]
    [InlineData("/srv", true)] // its mount point
    [InlineData("/mem/a", false)] // by hand
    public void Two_of_one_identity_are_both_named(string name, bool isAmbiguous)
    {
        Put("/mem/a", "one");
        Put("/mem/b", "one");
        Put("/mem/c", "two");
        var volumes = new Renamed(_rig.Volumes, "/srv", "/mem/a");
        var inventory = new VolumeInventory(volumes);
        if (!isAmbiguous)
        {
            Assert.Equal("/mem/a", inventory.Resolve(name, CancellationToken.None).Name);
            return;
        }
        var e = Assert.Throws<ImageBackupException>(() => inventory.Resolve(name, CancellationToken.None));
        Assert.Equal(ErrorId.VolumeAmbiguous, e.Id);
        Assert.Contains("/mem/a", e.Message, StringComparison.Ordinal);
        Assert.Contains("/mem/b", e.Message, StringComparison.Ordinal);
        Assert.Equal("/mem/c", inventory.Resolve("/imagebackup-volume/gptPartition/d/two", CancellationToken.None).Name);
        Assert.Equal(ErrorId.VolumeAmbiguous, Assert.Throws<ImageBackupException>(() => inventory.Resolve("/imagebackup-volume/gptPartition/d/one", CancellationToken.None)).Id);
    }

    /// <summary>A volume found by another name too.</summary>
    private sealed class Renamed(IVolumeSystem inner, string alias, string name) : IVolumeSystem
    {
        public IReadOnlyList<VolumeDescription> List() => inner.List();
        public VolumeDescription Find(string wanted) => inner.Find(wanted == alias ? name : wanted);
        public IBlockReader OpenRead(VolumeDescription volume, VolumeOpenMode mode) => inner.OpenRead(volume, mode);
        public IQuiescedVolume OpenQuiesced(VolumeDescription volume, IReadOnlyList<string> neededPaths) => inner.OpenQuiesced(volume, neededPaths);
        public string? WhyNeeded(VolumeDescription volume, IReadOnlyList<string> neededPaths) => inner.WhyNeeded(volume, neededPaths);
        public IReadOnlyList<LeftVolume> FindLeftQuiesced() => inner.FindLeftQuiesced();
        public IReadOnlyList<string> RestoreLeftQuiesced(string? volumeName = null) => inner.RestoreLeftQuiesced(volumeName);
        public IBlockWriter OpenTarget(VolumeDescription volume) => inner.OpenTarget(volume);
        public IReadOnlyList<string> VolumesUnder(string path) => inner.VolumesUnder(path);
    }

    [Fact]
    public void A_time_that_cannot_be_decides_nothing_and_is_told()
    {
        VolumeIdentity identity = Place("one");
        string past = Save("/a", -20000, identity, null).Id;
        string good = Save("/a", 1, identity, null).Id, newest = Save("/a", 2, identity, null).Id;
        string future = Save("/a", 20000, identity, null).Id;
        var told = new List<Exception>();
        IReadOnlyList<ImageBackupInfo> images = List(new ImageFilter { IncludeInactive = true, Retention = new ImageRetention { Now = Day(3) } }, told);
        Assert.Equal([past, good, newest, future], images.Select(image => image.Id));
        Assert.Equal([past, future], images.Where(image => image.IsTimeImpossible).Select(image => image.Id));
        Assert.Equal([past, future], told.Select(e => Assert.IsType<ImageBackupException>(e).TargetId()));
        Assert.All(images.Where(image => image.IsTimeImpossible), image => Assert.Equal((false, null), (image.IsExpired, image.ExpiresAt)));
        Assert.True(images[2].IsActive);
        Assert.Equal(Day(2).LocalDateTime, images[1].InactiveSince);
        told.Clear();
        Assert.Equal([newest], List(new ImageFilter { PointInTime = Day(30000), Retention = new ImageRetention { Now = Day(3) } }, told).Select(image => image.Id));
        Assert.Equal(2, told.Count);
    }

    [Fact]
    public void A_backup_after_an_image_of_the_future_says_so()
    {
        Save("/mem/a", 30000, Place("one"), null);
        Put("/mem/a", "one");
        Assert.Contains(_rig.Backup("/mem/a").Warnings, warning => warning.Contains("clock", StringComparison.Ordinal));
    }

    private static DateTimeOffset Day(double day) => new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).AddDays(day);

    private int _count;

    /// <summary>An image's snapshot alone. Without identity: as before there were any.</summary>
    private ImageBackupInfo Save(string volume, double day, VolumeIdentity? identity, FileSystemDescription? fileSystem, Func<ImageMetadata, ImageMetadata>? change = null, string? computer = null)
    {
        var metadata = new ImageMetadata
        {
            VolumeName = volume, VolumeKind = VolumeKind.BlockDevice, VolumeId = identity is null ? null : identity.StableName ?? volume, Identity = identity,
            SizeBytes = 1, Start = Day(day), FileSystem = fileSystem,
        };
        metadata = change?.Invoke(metadata) ?? metadata;
        var snapshot = new SnapshotRecord
        {
            Time = Day(day),
            Tree = BlobId.Of(BitConverter.GetBytes(++_count)),
            Paths = [metadata.VolumeId ?? volume],
            HostName = computer ?? LocalHost.Name,
            Tags = [ImageTag.Name],
            Summary = ImageMetadataJson.WriteSummary(metadata),
        };
        string id = _rig.Repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), 2, _rig.Repository.Sealers);
        return ImageInfoBuilder.Build(id, snapshot, metadata, "r");
    }
}

file static class Told
{
    public static string? TargetId(this ImageBackupException e) => e.Target as string;
}
