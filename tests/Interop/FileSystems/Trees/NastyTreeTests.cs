using System.Collections.Generic;
using System.Linq;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Trees;

/// <summary>The kit itself: it builds on the kernel's file systems, and the oracle tells two trees apart.</summary>
public sealed class NastyTreeTests
{
    [Theory]
    [InlineData("ext4", "mkfs.ext4 -q -F", 200)]
    [InlineData("xfs", "mkfs.xfs -q", 320)]
    [InlineData("btrfs", "mkfs.btrfs -q", 320)]
    public void ItBuilds(string type, string make, int sizeMiB)
    {
        Tool.Require(make.Split(' ')[0], "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("volume.img", (long)sizeMiB << 20);
        Tool.Shell($"{make} '{image}'");
        SortedDictionary<string, string> before, after;
        using (var mount = new LoopMount(image, type, "rw,noatime"))
        {
            NastyTree.Build(mount.Path, NastyCases.All, bigDirectoryCount: 200);
            before = TreeOracle.Describe(mount.Path, OracleFields.Unix);
        }
        using (var mount = new LoopMount(image, type, "ro,noatime"))
            after = TreeOracle.Describe(mount.Path, OracleFields.Unix);
        Assert.True(after.Count > 500, $"{after.Count} files");
        // ext4 with inodes of 256 bytes cuts no time that is in its range; XFS and ext4 cut those beyond when they are set.
        Assert.Equal(before.Where(pair => !pair.Key.StartsWith("times/", System.StringComparison.Ordinal)), after.Where(pair => !pair.Key.StartsWith("times/", System.StringComparison.Ordinal)));
    }
}
