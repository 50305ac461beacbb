using Xunit;

namespace ImageBackup.Tests.Unit.Volumes;

public class DeviceInstanceTests
{
    [Fact]
    public void Only_what_both_know_is_compared()
    {
        DeviceInstance seen = DeviceInstance.Of(("device number", "7:1"), ("disk sequence number", "12"), ("serial", null));
        Assert.Null(seen.DifferenceFrom(DeviceInstance.Of(("device number", "7:1"), ("serial", "x"))));
        Assert.Null(seen.DifferenceFrom(DeviceInstance.Of()));
        Assert.Equal("its disk sequence number was 12 and is 13", seen.DifferenceFrom(DeviceInstance.Of(("disk sequence number", "13"), ("device number", "7:1"))));
        Assert.Equal("its device number was 7:1 and is 7:2", seen.DifferenceFrom(DeviceInstance.Of(("device number", "7:2"))));
        Assert.Equal("device number 7:1, disk sequence number 12", seen.ToString());
    }
}
