using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Unit.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Planning;

public class VolumeInventoryTests
{
    /// <summary>Volumes whose content is "type label uuid"; one without content cannot be opened.</summary>
    private sealed class FakeVolumes(params (VolumeDescription Volume, string? Content)[] volumes) : IVolumeSystem
    {
        public int OpenCount { get; private set; }

        public IReadOnlyList<VolumeDescription> List() => [.. volumes.Select(volume => volume.Volume)];

        public VolumeDescription Find(string name) => volumes.FirstOrDefault(volume => volume.Volume.Name == name).Volume
            ?? throw new ImageBackupException(ErrorId.VolumeNotFound, "none", name);

        public IBlockReader OpenRead(VolumeDescription volume, VolumeOpenMode mode)
        {
            Assert.Equal(VolumeOpenMode.Probe, mode);
            OpenCount++;
            string content = volumes.Single(known => known.Volume.Name == volume.Name).Content
                ?? throw new ImageBackupException(ErrorId.NotElevated, "root only", volume.Name);
            return new MemoryReader(Encoding.UTF8.GetBytes(content), 512);
        }

        public IBlockWriter OpenTarget(VolumeDescription volume) => throw new InvalidOperationException("Nothing is written here.");

        public IReadOnlyList<string> VolumesUnder(string path) => [];

        public IQuiescedVolume OpenQuiesced(VolumeDescription volume, IReadOnlyList<string> neededPaths) => throw new InvalidOperationException("Nothing is taken here.");

        public string? WhyNeeded(VolumeDescription volume, IReadOnlyList<string> neededPaths) => null;
        public IReadOnlyList<LeftVolume> FindLeftQuiesced() => [];
        public IReadOnlyList<string> RestoreLeftQuiesced(string? volumeName = null) => [];
    }

    private static VolumeDescription Volume(string name, string? partitionUuid = null, string? serial = null, string? mount = null, params string[] holders) => new()
    {
        Name = name,
        DevicePath = name,
        Kind = VolumeKind.BlockDevice,
        SizeBytes = 1024,
        PartitionUuid = partitionUuid,
        Serial = serial,
        MountPoints = mount is null ? [] : [mount],
        MountedFileSystem = mount is null ? null : "mounted-type",
        Holders = holders,
    };

    private static FileSystemDescription? Probe(IBlockReader reader)
    {
        byte[] content = new byte[reader.LengthBytes];
        reader.ReadAt(0, content);
        string[] words = Encoding.UTF8.GetString(content).Split(' ');
        return words[0] switch
        {
            "none" => null,
            "bad" => throw new BlockReadException(0, 512, "bad sector"),
            _ => new FileSystemDescription { Type = words[0], Label = words[1], Uuid = words[2] },
        };
    }

    private static VolumeInventory Inventory(out FakeVolumes volumes)
    {
        volumes = new FakeVolumes(
            (Volume("/dev/a", "aa-01"), "ext4 data 1234-ABCD"),
            (Volume("/dev/b", "bb-02", mount: "/b"), "xfs twin 5555-0000"),
            (Volume("/dev/c"), "xfs twin 6666-0000"),
            (Volume("/dev/d", serial: "7777-0000", mount: "/d"), "none"),
            (Volume("/dev/e"), "bad"),
            (Volume("/dev/f"), null),
            (Volume("/dev/half", holders: "/dev/md0"), "ext4 mirror 8888-0000"),
            (Volume("/dev/md0"), "ext4 mirror 8888-0000"),
            (Volume("/dev/g", "BB-02"), "swap s 9999-0000"));
        return new VolumeInventory(volumes, Probe);
    }

    [Fact]
    public void Everything_is_listed_and_what_cannot_be_read_says_why()
    {
        var all = Inventory(out _).List(CancellationToken.None);
        Assert.Equal(9, all.Count);
        ImageVolume a = all[0];
        Assert.Equal(("ext4", "data", "1234-ABCD", null, (ImageType?)null), (a.FileSystem, a.Label, a.Uuid, a.ProbeError, a.ImageType));
        ImageVolume unknown = all[3];
        Assert.Equal(("mounted-type", null, "7777-0000", (ImageType?)null), (unknown.FileSystem, unknown.Label, unknown.Uuid, unknown.ImageType));
        Assert.Equal("bad sector", all[4].ProbeError);
        Assert.Equal("root only", all[5].ProbeError);
    }

    [Theory]
    [InlineData("/dev/c", "/dev/c")]
    [InlineData("LABEL=data", "/dev/a")]
    [InlineData("label=\"data\"", "/dev/a")]
    [InlineData("UUID=1234-abcd", "/dev/a")]
    [InlineData("uuid=\"7777-0000\"", "/dev/d")]
    [InlineData("PARTUUID=AA-01", "/dev/a")]
    [InlineData("UUID=8888-0000", "/dev/md0")] // the mirror's half shows the same, and holds it up
    [InlineData("LABEL=mirror", "/dev/md0")]
    public void Volumes_are_found_by_what_names_them(string name, string found) =>
        Assert.Equal(found, Inventory(out _).Resolve(name, CancellationToken.None).Name);

    [Theory]
    [InlineData("LABEL=DATA")]
    [InlineData("LABEL=")]
    [InlineData("UUID=")]
    [InlineData("UUID=nosuch")]
    [InlineData("PARTUUID=nosuch")]
    [InlineData("/dev/nosuch")]
    public void What_is_not_there_is_not_found(string name) => Assert.Equal(ErrorId.VolumeNotFound,
        Assert.Throws<ImageBackupException>(() => Inventory(out _).Resolve(name, CancellationToken.None)).Id);

    [Theory]
    [InlineData("LABEL=twin", "/dev/b", "/dev/c")]
    [InlineData("PARTUUID=bb-02", "/dev/b", "/dev/g")]
    public void Two_of_a_name_are_both_told(string name, string one, string other)
    {
        var e = Assert.Throws<ImageBackupException>(() => Inventory(out _).Resolve(name, CancellationToken.None));
        Assert.Equal(ErrorId.VolumeAmbiguous, e.Id);
        Assert.Contains(one, e.Message, StringComparison.Ordinal);
        Assert.Contains(other, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void When_nothing_matches_and_some_could_not_be_read_that_is_said()
    {
        var e = Assert.Throws<ImageBackupException>(() => Inventory(out _).Resolve("LABEL=x", CancellationToken.None));
        Assert.Contains("bad sector", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_named_volume_is_opened()
    {
        VolumeInventory inventory = Inventory(out FakeVolumes volumes);
        inventory.Resolve("PARTUUID=aa-01", CancellationToken.None);
        inventory.Resolve("/dev/c", CancellationToken.None);
        Assert.Equal(2, volumes.OpenCount);
    }

    [Fact]
    public void A_listing_can_be_cancelled() => Assert.Throws<OperationCanceledException>(
        () => Inventory(out _).List(new CancellationToken(canceled: true)));
}
