using System;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Policy;
using ImageBackup.Engine.Policy.Classes;
using ImageBackup.Engine.Policy.Options;
using ImageBackup.Engine.Policy.Rules;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Planning;

public class ImageObstacleTests
{
    private readonly VolumeDouble _volumes = new();

    private static ImageVolume Volume(string? fileSystem, Func<VolumeDescription, VolumeDescription>? change = null)
    {
        var description = new VolumeDescription { Name = "/mem/a", DevicePath = "/mem/a", Kind = VolumeKind.BlockDevice, SizeBytes = 1 << 20 };
        return new ImageVolume(change?.Invoke(description) ?? description)
        {
            FileSystemProbe = fileSystem is null ? null : new FileSystemDescription { Type = fileSystem },
        };
    }

    private static VolumePlan Plan(ImageVolume volume, string rules = "", ImageOptions? command = null, bool canSnapshot = false)
    {
        var policy = new ImagePolicy(
            RuleDocument.Parse(rules, "/etc/x.rules", new RuleParseOptions { IsWindows = false }), null,
            new ManagementClassCatalog(ManagementClassDocument.Empty.Set(new ManagementClass { Name = "LOOSE", Serialization = SerializationMode.ShrDynamic })));
        return VolumePlan.Make(policy, volume, command, null, _ => canSnapshot ? null : "there is no provider");
    }

    private ImageObstacle? Find(ImageVolume volume, VolumePlan? plan = null) => ImageObstacle.Find(volume, plan ?? Plan(volume), "/repository", _volumes);

    [Fact]
    public void A_volume_with_data_has_none() => Assert.Null(Find(Volume("ext4")));

    [Theory]
    [InlineData("swap", "swap area")]
    [InlineData("iso9660", "read-only medium")]
    [InlineData("squashfs", "read-only medium")]
    public void Content_that_no_image_brings_back(string fileSystem, string reason)
    {
        ImageObstacle obstacle = Assert.IsType<ImageObstacle>(Find(Volume(fileSystem)));
        Assert.Contains(reason, obstacle.Reason, StringComparison.Ordinal);
        Assert.Equal(ErrorId.VolumeNotImageable, obstacle.ErrorByName);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("include.image /mem/a imagetype=dynamic\n", false)]
    public void Who_asks_for_a_type_of_image_by_name_gets_the_content(string rules, bool byCommand)
    {
        ImageVolume swap = Volume("swap");
        ImageObstacle obstacle = Assert.IsType<ImageObstacle>(Find(swap, Plan(swap, rules, byCommand ? new ImageOptions { ImageType = ImageType.Dynamic } : null)));
        Assert.Null(obstacle.ErrorByName);
    }

    [Fact]
    public void A_hibernated_system_is_data() => Assert.Null(Find(Volume("swsuspend")));

    [Fact]
    public void A_file_that_holds_a_disc_is_no_medium()
    {
        Assert.Null(Find(Volume("iso9660", v => v with { Kind = VolumeKind.File })));
        Assert.Null(Find(Volume("ext4", v => v with { Kind = VolumeKind.File, IsReadOnly = true, IsRemovable = true })));
    }

    [Theory]
    [InlineData("ext4", true, true, true)]
    [InlineData("ext4", true, false, false)]
    [InlineData("ext4", false, true, false)]
    [InlineData("udf", true, false, true)]
    [InlineData("udf", false, false, false)]
    public void A_medium_that_takes_no_writes(string fileSystem, bool isReadOnly, bool isRemovable, bool isMedium) =>
        Assert.Equal(isMedium, Find(Volume(fileSystem, v => v with { IsReadOnly = isReadOnly, IsRemovable = isRemovable })) is not null);

    [Fact]
    public void An_empty_drive()
    {
        ImageObstacle obstacle = Assert.IsType<ImageObstacle>(Find(Volume(null, v => v with { SizeBytes = 0, IsRemovable = true })));
        Assert.Equal(("there is no medium in the drive", ErrorId.VolumeEmpty), (obstacle.Reason, obstacle.ErrorByName));
    }

    [Fact]
    public void A_part_of_a_layer_above_is_tried_by_name()
    {
        ImageObstacle obstacle = Assert.IsType<ImageObstacle>(Find(Volume("LVM2_member", v => v with { Holders = ["/dev/mapper/vg-a", "/dev/mapper/vg-b"] })));
        Assert.Equal(("it is a part of /dev/mapper/vg-a, /dev/mapper/vg-b", null), (obstacle.Reason, obstacle.ErrorByName));
        // A mounted file system with a snapshot on it is data.
        Assert.Null(Find(Volume("ext4", v => v with { Holders = ["/dev/mapper/snap"], MountPoints = ["/srv"] })));
    }

    [Fact]
    public void What_a_static_image_cannot_be_taken_of()
    {
        _volumes.Needed["/mem/a"] = "'/repository' is on it and must stay writable";
        ImageVolume volume = Volume("ext4");
        ImageObstacle obstacle = Assert.IsType<ImageObstacle>(Find(volume));
        Assert.Equal(("'/repository' is on it and must stay writable, so a static image cannot be taken of it", ErrorId.VolumeNeeded), (obstacle.Reason, obstacle.ErrorByName));
        // Other types need no rest, and a class may let go of it.
        Assert.Null(Find(volume, Plan(volume, canSnapshot: true)));
        Assert.Null(Find(volume, Plan(volume, command: new ImageOptions { ImageType = ImageType.Dynamic })));
        Assert.Null(Find(volume, Plan(volume, "include.image /mem/a LOOSE\n")));
    }
}
