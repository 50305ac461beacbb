using System.Collections;
using System.IO;
using System.Linq;
using System.Management.Automation;
using ImageBackup.Binding;
using Xunit;

namespace ImageBackup.Tests.Unit.Commands;

/// <summary>What stands for a volume, an image and a size on the command line and in the pipeline.</summary>
public sealed class BindingTests
{
    private static string?[] Names(object? value) => [.. VolumeArgument.From(value).Select(v => v.Name)];

    private static PSObject Custom(params (string Name, object? Value)[] properties)
    {
        var custom = new PSObject();
        foreach ((string name, object? value) in properties)
            custom.Properties.Add(new PSNoteProperty(name, value));
        return custom;
    }

    [Theory]
    [InlineData("D")]
    [InlineData("D:")]
    [InlineData("D:\\")]
    [InlineData(@"\\?\Volume{0b8b1d0e-0000-0000-0000-100000000000}\")]
    [InlineData("/dev/sda1")]
    [InlineData("LABEL=data")]
    [InlineData("UUID=abcd")]
    [InlineData("./volume.img")]
    public void Text_is_taken_as_it_is(string text) => Assert.Equal([text], Names(text));

    [Theory]
    [InlineData("ends in a blank ")]
    [InlineData(" begins with one")]
    [InlineData("br[ack]et*?`")]
    public void A_name_keeps_its_blanks_and_signs(string name)
    {
        Assert.Equal([name], Names(name));
        Assert.Equal([name], Names(Custom(("Path", name))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    public void A_blank_text_names_nothing(string name) => Assert.NotNull(Assert.Single(VolumeArgument.From(name)).Problem);

    [Fact]
    public void A_null_among_others_is_told()
    {
        Assert.Empty(VolumeArgument.From(null));
        Assert.Equal(["/dev/a", null], Names(new object?[] { "/dev/a", null }));
        Assert.Contains("$null", VolumeArgument.From(new object?[] { null })[0].Problem, System.StringComparison.Ordinal);
        Assert.Contains("$null", ImageArgument.From(new object?[] { null })[0].Problem, System.StringComparison.Ordinal);
        Assert.Contains("$null", RulePatternArgument.From(new object?[] { null })[0].Problem, System.StringComparison.Ordinal);
    }

    /// <summary>Out of a variable: what zeros and exponents were is lost, unless so many digits are left that none was.</summary>
    [Theory]
    [InlineData(12345678, "12345678")]
    [InlineData(123456789012L, "123456789012")]
    [InlineData(1234567, null)]
    [InlineData(0, null)]
    [InlineData(-12345678, null)]
    [InlineData(9e11, null)]
    public void A_number_is_an_id_where_its_digits_are_sure(object number, string? id) =>
        Assert.Equal(id, Assert.Single(ImageArgument.From(number)).Id);

    [Theory]
    [InlineData("/dev/*", "/dev/sda", true)]
    [InlineData("/dev/sd?", "/dev/sda", true)]
    [InlineData("/dev/sd?", "/dev/sdaa", false)]
    [InlineData("/DEV/SD*", "/dev/sda", true)]
    [InlineData("/srv/[a]*", "/srv/[a]b", true)]
    [InlineData("/srv/[a]*", "/srv/ab", false)]
    [InlineData("/srv/`*", "/srv/`x", true)]
    [InlineData(@"\\?\Volume{*}\", @"\\?\Volume{1}\", true)]
    public void Wildcards_are_star_and_question_mark(string pattern, string name, bool isMatch) =>
        Assert.Equal(isMatch, NamePattern.Of(pattern)!.IsMatch(name));

    [Theory]
    [InlineData("/dev/sda")]
    [InlineData("/srv/[abc]")]
    [InlineData("/srv/a`b")]
    [InlineData(@"\\?\Volume{1}\")]
    [InlineData(@"\\.\PhysicalDrive0")]
    public void A_name_without_them_is_no_pattern(string name) => Assert.Null(NamePattern.Of(name));

    [Fact]
    public void A_list_gives_each_of_its_elements() =>
        Assert.Equal(["/dev/a", "/dev/b", "/dev/c"], Names(new object[] { "/dev/a", new object[] { "/dev/b", new PSObject("/dev/c") } }));

    [Fact]
    public void A_volume_of_Windows_binds_its_path_first() =>
        Assert.Equal(
            [@"\\?\Volume{guid}\"],
            Names(Custom(("DriveLetter", 'D'), ("Path", @"\\?\Volume{guid}\"), ("UniqueId", @"\\?\Volume{other}\"))));

    [Fact]
    public void A_volume_of_Windows_without_path_binds_its_unique_id() =>
        Assert.Equal([@"\\?\Volume{other}\"], Names(Custom(("DriveLetter", '\0'), ("Path", null), ("UniqueId", @"\\?\Volume{other}\"))));

    [Fact]
    public void A_volume_with_a_letter_only_binds_the_letter() => Assert.Equal(["D:"], Names(Custom(("DriveLetter", 'D'))));

    [Fact]
    public void The_letter_NUL_is_no_letter()
    {
        VolumeArgument argument = Assert.Single(VolumeArgument.From(Custom(("DriveLetter", '\0'), ("Size", 5L))));
        Assert.Null(argument.Name);
        Assert.Contains("DriveLetter", argument.Problem, System.StringComparison.Ordinal);
    }

    [Fact]
    public void Lsblk_with_path_binds_the_path() =>
        Assert.Equal(["/dev/mapper/vg-lv"], Names(Custom(("name", "vg-lv"), ("path", "/dev/mapper/vg-lv"), ("type", "lvm"))));

    [Fact]
    public void Lsblk_without_path_binds_the_kernel_name() =>
        Assert.Equal(["/dev/sda1"], Names(Custom(("name", "sda1"), ("maj:min", "8:1"), ("size", 1000L), ("type", "part"))));

    [Fact]
    public void The_document_of_lsblk_gives_the_volumes_that_nothing_lies_on()
    {
        PSObject document = Custom(("blockdevices", new object[]
        {
            Custom(("name", "sda"), ("type", "disk"), ("children", new object[]
            {
                Custom(("name", "sda1"), ("type", "part")),
                Custom(("name", "sda2"), ("type", "part"), ("children", new object[] { Custom(("name", "vg-root"), ("path", "/dev/mapper/vg-root"), ("type", "lvm")) })),
            })),
            Custom(("name", "sdb"), ("type", "disk")),
        }));
        Assert.Equal(["/dev/sda1", "/dev/mapper/vg-root", "/dev/sdb"], Names(document));
    }

    /// <summary>lsblk -J without -O gives no path: the name of what the device mapper made is the mapper's.</summary>
    [Fact]
    public void Names_of_the_device_mapper_are_found_in_its_directory()
    {
        PSObject document = Custom(("blockdevices", new object[]
        {
            Custom(("name", "sda"), ("maj:min", "8:0"), ("type", "disk"), ("children", new object[]
            {
                Custom(("name", "sda1"), ("maj:min", "8:1"), ("type", "part"), ("children", new object[] { Custom(("name", "vg-root"), ("type", "lvm")) })),
                Custom(("name", "sda2"), ("type", "part"), ("children", new object[]
                {
                    Custom(("name", "luks-1234"), ("type", "crypt")),
                })),
                Custom(("name", "sda3"), ("type", "part"), ("children", new object[] { Custom(("name", "md0"), ("type", "raid1")) })),
            })),
            Custom(("name", "sdb"), ("type", "disk"), ("children", new object[]
            {
                Custom(("name", "mpatha"), ("type", "mpath"), ("children", new object[] { Custom(("name", "mpatha-part1"), ("type", "part")) })),
            })),
            Custom(("name", "loop0"), ("type", "loop")),
        }));
        Assert.Equal(["/dev/mapper/vg-root", "/dev/mapper/luks-1234", "/dev/md0", "/dev/mapper/mpatha-part1", "/dev/loop0"], Names(document));
        Assert.Equal(["/dev/mapper/vg-data"], Names(Custom(("name", "vg-data"), ("size", "1G"), ("type", "lvm"))));
    }

    [Fact]
    public void A_file_binds_its_full_name() =>
        Assert.Equal([Path.GetFullPath("v.img")], Names(new FileInfo("v.img")));

    [Fact]
    public void A_hashtable_binds_like_an_object() => Assert.Equal(["/dev/x"], Names(new Hashtable { ["Path"] = "/dev/x" }));

    [Fact]
    public void Objects_of_ours_bind_their_stable_name()
    {
        var description = new VolumeDescription { Name = "/dev/q", DevicePath = "/dev/q", Kind = VolumeKind.BlockDevice, SizeBytes = 1 };
        Assert.Equal(["/dev/q"], Names(new ImageVolume(description)));
        Assert.Equal(["/dev/q"], Names(description));
    }

    [Fact]
    public void A_deserialised_volume_binds_its_name()
    {
        PSObject volume = Custom(("Name", "/dev/q"), ("FileSystem", "ext4"));
        volume.TypeNames.Insert(0, "Deserialized.ImageBackup.Engine.Jobs.ImageVolume");
        Assert.Equal(["/dev/q"], Names(volume));
    }

    [Fact]
    public void What_names_no_volume_says_so_and_keeps_its_place()
    {
        VolumeArgument[] found = [.. VolumeArgument.From(new object[] { "/dev/a", Custom(("Colour", "red")), 42, "", "/dev/b" })];
        Assert.Equal(["/dev/a", null, null, null, "/dev/b"], found.Select(f => f.Name));
        Assert.All(found.Where(f => f.Name is null), f => Assert.False(string.IsNullOrEmpty(f.Problem)));
    }

    [Fact]
    public void A_service_object_with_a_name_is_no_volume() =>
        Assert.Null(Assert.Single(VolumeArgument.From(Custom(("Name", "cron"), ("Status", "Running")))).Name);

    [Theory]
    [InlineData("1MiB", 1048576)]
    [InlineData("1mb", 1048576)]
    [InlineData("64K", 65536)]
    [InlineData("0.5 MiB", 524288)]
    [InlineData("65536", 65536)]
    [InlineData("2GB", 2147483648)]
    public void A_size_is_read_with_binary_units(string text, long bytes) =>
        Assert.Equal(bytes, new ByteSizeAttribute().Transform(null!, text));

    [Theory]
    [InlineData("big")]
    [InlineData("-1MB")]
    [InlineData("1.3B")]
    [InlineData("1 PB")]
    [InlineData("")]
    public void What_is_no_size_is_refused(string text) =>
        Assert.Throws<ArgumentTransformationMetadataException>(() => new ByteSizeAttribute().Transform(null!, text));

    [Fact]
    public void A_number_stays_a_number() => Assert.Equal(1048576, new ByteSizeAttribute().Transform(null!, 1048576));

    [Fact]
    public void An_image_is_named_by_hexadecimal_digits()
    {
        Assert.Equal("abc123", Assert.Single(ImageArgument.From("ABC123")).Id);
        Assert.Null(Assert.Single(ImageArgument.From("latest")).Id);
        Assert.Null(Assert.Single(ImageArgument.From(new string('a', 65))).Id);
        Assert.Equal("abc1", Assert.Single(ImageArgument.From(Custom(("Id", "abc1"), ("Repository", "/r")))).Id);
        Assert.NotNull(Assert.Single(ImageArgument.From(Custom(("Name", "abc1")))).Problem);
    }
}
