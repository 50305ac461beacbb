using System.Collections.Generic;
using System.Globalization;
using System.Text.RegularExpressions;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Ntfs;

/// <summary>NTFS volumes made, filled and asked by ntfs-3g's tools.</summary>
internal static partial class NtfsImages
{
    public static ImageFile Create(long lengthBytes, int clusterSizeBytes = 4096, int sectorSizeBytes = 512, string label = "")
    {
        ImageFile image = ImageFile.Create(lengthBytes);
        Tool.Run("mkfs.ntfs", "-Q", "-F", "-q", "-L", label, "-s", Text(sectorSizeBytes), "-c", Text(clusterSizeBytes),
            "-p", "0", "-H", "255", "-S", "63", image.Path, Text(lengthBytes / sectorSizeBytes));
        return image;
    }

    public static FuseMount Mount(ImageFile image) => new("ntfs-3g", image);

    public static SortedDictionary<string, string> Hash(ImageFile image)
    {
        using var mount = new FuseMount("ntfs-3g", image, "ro");
        return FileTree.Hash(mount.Root);
    }

    /// <summary>Whole clusters, and how many are free, in ntfsinfo's words.</summary>
    public static (long Total, long Free) ClusterCounts(ImageFile image)
    {
        string text = Tool.Run("ntfsinfo", "-f", "-m", image.Path);
        return (Number(TotalClusters().Match(text)), Number(FreeClusters().Match(text)));
    }

    public static int AttributeListLength(ImageFile image, int record) =>
        Regex.Count(Tool.Run("ntfsinfo", "-f", "-v", "-i", Text(record), image.Path), "Dumping attribute \\$DATA");

    public static void RequireTools()
    {
        Tool.Require("mkfs.ntfs", "ntfs-3g", "ntfsinfo", "ntfsfix", "umount");
        FuseMount.Require();
    }

    private static long Number(Match match)
    {
        Assert.True(match.Success, "ntfsinfo gave no cluster count");
        return long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Volume Size in Clusters: (\d+)")]
    private static partial Regex TotalClusters();

    [GeneratedRegex(@"Free Clusters: (\d+)")]
    private static partial Regex FreeClusters();
}
