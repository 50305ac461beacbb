using ImageBackup.Engine.Volumes.Linux.Mounts;
using Xunit;

namespace ImageBackup.Tests.Unit.Volumes.Linux;

public class SwapTableTests
{
    [Fact]
    public void Devices_and_files_are_read_and_the_heading_is_not() => Assert.Equal(
        ["/dev/dm-1", "/swap file", "/gone"],
        SwapTable.Parse(
            "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" +
            "/dev/dm-1                               partition\t2097148\t\t0\t\t-2\n" +
            "/swap\\040file                            file\t\t1048572\t\t0\t\t-3\n" +
            "/gone\\040(deleted)                       file\t\t1048572\t\t0\t\t-4\n"));

    [Fact]
    public void No_swap_is_no_swap() => Assert.Empty(SwapTable.Parse("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"));
}
