using System.Linq;
using ImageBackup.Engine.Volumes.Linux.Native;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

public class PropertyLinesTests
{
    [Fact]
    public void A_uevent_file_is_read()
    {
        var properties = PropertyLines.Parse("MAJOR=8\nMINOR=1\nDEVNAME=sda1\nPARTNAME=EFI = system\nEMPTY=\n=odd\nno\n");
        Assert.Equal("sda1", properties.Find("DEVNAME"));
        Assert.Equal("EFI = system", properties.Find("PARTNAME"));
        Assert.Null(properties.Find("EMPTY"));
        Assert.Null(properties.Find("no"));
        Assert.Null(properties.Find(""));
    }

    [Fact]
    public void Of_udev_s_database_only_the_asked_kind_of_line_is_taken()
    {
        var properties = PropertyLines.Parse("S:disk/by-id/x\nI:123\nE:ID_FS_TYPE=ext4\nE:ID_FS_TYPE=xfs\nG:systemd", "E:");
        Assert.Equal("xfs", properties.Find("ID_FS_TYPE"));
        Assert.Single(properties);
    }

    [Fact]
    public void Their_number_is_bounded() => Assert.Equal(1024, PropertyLines.Parse(
        string.Join("\n", Enumerable.Range(0, 100_000).Select(i => $"k{i}=v"))).Count);
}
