using System.Linq;
using CsCheck;
using ImageBackup.Engine.Volumes.Linux.Mounts;
using ImageBackup.Engine.Volumes.Linux.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

public class MountTableTests
{
    [Fact]
    public void Lines_of_every_form_are_read()
    {
        var mounts = MountTable.Parse("""
            22 27 0:21 / /proc rw,relatime - proc proc rw
            27 1 254:3 / / rw,relatime shared:1 - ext4 /dev/root rw,discard
            36 35 98:0 /mnt1 /mnt/a\040b\011c\012d\134e\043f rw,noatime master:1 propagate_from:2 - xfs /dev/mapper/vg-a\040b rw,errors=continue
            40 27 0:45 /@home /home rw - btrfs /dev/sdb1 rw,subvol=/@home
            41 27 0:46 / /net rw - nfs4 server:/export rw,vers=4.2
            """);
        Assert.Equal(["/proc", "/", "/mnt/a b\tc\nd\\e#f", "/home", "/net"], mounts.Select(mount => mount.MountPoint));
        Assert.Equal(new MountEntry(36, new DeviceNumber(98, 0), "/mnt1", "/mnt/a b\tc\nd\\e#f", "xfs", "/dev/mapper/vg-a b", "rw,errors=continue", "rw,noatime"),
            mounts[2]);
        Assert.Equal("/@home", mounts[3].Root);
        Assert.True(mounts[3].Device.IsAnonymous);
        Assert.False(mounts[1].Device.IsAnonymous);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("27 1 254:0 / / rw,relatime ext4 /dev/vda rw")] // no separator
    [InlineData("27 1 254 / / rw - ext4 /dev/vda rw")] // no minor
    [InlineData("x 1 254:0 / / rw - ext4 /dev/vda rw")]
    [InlineData("27 1 254:0 / / rw - ext4")]
    [InlineData("27 1 99999999999:0 / / rw - ext4 /dev/vda rw")]
    public void Lines_that_are_not_of_the_form_are_passed_over(string line) => Assert.Empty(MountTable.Parse(line));

    [Theory]
    [InlineData(@"\", @"\")]
    [InlineData(@"\04", @"\04")]
    [InlineData(@"\040", " ")]
    [InlineData(@"\0401", " 1")]
    [InlineData(@"\089", @"\089")]
    [InlineData(@"a\134040", @"a\040")]
    [InlineData("müll\\040ö", "müll ö")]
    public void Escapes_are_undone_once(string field, string plain) => Assert.Equal(plain, MountTable.Unescape(field));

    [Fact]
    public void Any_text_is_read_without_an_exception() => Gen.String.Sample(text =>
    {
        MountTable.Parse(text);
        SwapTable.Parse(text);
        PropertyLines.Parse(text, "E:");
        DeviceNumber.Parse(text);
    });

    [Fact]
    public void What_the_kernel_escapes_comes_back() => Gen.String[Gen.Int[0, 11].Select(i => " \t\n\\#ö/0479a"[i]), 0, 40].Sample(path =>
    {
        string escaped = string.Concat(path.Select(c => c is ' ' or '\t' or '\n' or '\\' or '#' ? "\\" + System.Convert.ToString(c, 8).PadLeft(3, '0') : c.ToString()));
        var mount = Assert.Single(MountTable.Parse($"1 2 8:1 / /{escaped} rw - ext4 /dev/sda1 rw"));
        Assert.Equal("/" + path, mount.MountPoint);
    });
}
