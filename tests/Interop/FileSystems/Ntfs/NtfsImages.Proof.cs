using System.Collections.Generic;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Ntfs;

/// <content>What holds for the map of every good volume.</content>
internal static partial class NtfsImages
{
    public static UsedRangeMap ProveMap(ImageFile image, bool isWholeDevice = true)
    {
        UsedRangeMap map = new NtfsReader().ReadUsedRanges(image, CancellationToken.None);
        MapCheck.IsWellFormed(map, image.LengthBytes);

        // ntfsinfo's figures, to the cluster; the sectors after the last cluster are ours in addition.
        (long total, long free) = ClusterCounts(image);
        long tailBytes = image.LengthBytes - total * map.ClusterSizeBytes;
        Assert.Equal((total - free) * map.ClusterSizeBytes + tailBytes, map.UsedBytes);
        Assert.Equal((total - free) * map.ClusterSizeBytes, new NtfsReader().Probe(image)!.UsedBytes);
        Assert.True(map.Covers(new ByteRange(image.LengthBytes - tailBytes, tailBytes)));

        if (File.Exists("/usr/sbin/partclone.ntfs"))
        {
            List<ByteRange> theirs = MapCheck.PartcloneRanges("partclone.ntfs", image);
            Assert.Empty(MapCheck.Subtract(theirs, map.Ranges));
            foreach (ByteRange extra in MapCheck.Subtract(map.Ranges, theirs))
                Assert.True(extra.OffsetBytes >= total * map.ClusterSizeBytes, $"{extra} is free for partclone");
        }

        // The real proof: nothing that matters lies in what we call free.
        SortedDictionary<string, string> hashes = Hash(image);
        using ImageFile copy = image.Copy();
        MapCheck.OverwriteFree(copy, map);
        if (isWholeDevice)
            Tool.Run("ntfsfix", "-n", copy.Path); // It looks for the backup boot sector at the device's end only.
        Assert.Equal(hashes, Hash(copy));
        Assert.Equal((total, free), ClusterCounts(copy));
        return map;
    }
}
