using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Ntfs;

/// <summary>Maps of real NTFS volumes against ntfsinfo, partclone and the files themselves.</summary>
public sealed class NtfsMapTests
{
    [Theory]
    [InlineData(16, 512, 512)]
    [InlineData(40, 1024, 512)]
    [InlineData(40, 2048, 1024)]
    [InlineData(64, 4096, 512)]
    [InlineData(64, 4096, 4096)]
    [InlineData(64, 8192, 2048)]
    [InlineData(96, 65536, 512)]
    [InlineData(96, 65536, 4096)]
    [InlineData(160, 131072, 512)]
    [InlineData(700, 2097152, 512)]
    [InlineData(700, 2097152, 4096)]
    public void AFilledAndFrayedVolume(int sizeMiB, int clusterSize, int sectorSize)
    {
        NtfsImages.RequireTools();
        // An odd tail: sectors that are not a whole cluster.
        long length = ((long)sizeMiB << 20) + 3 * sectorSize;
        using ImageFile image = NtfsImages.Create(length, clusterSize, sectorSize, "Tést");
        using (FuseMount mount = NtfsImages.Mount(image))
            FileTree.Churn(mount.Root, Math.Min(length / 2, 48 << 20), sizeMiB);

        NtfsImages.ProveMap(image);
        FileSystemDescription description = new NtfsReader().Probe(image)!;
        Assert.Equal("ntfs", description.Type);
        Assert.Equal("Tést", description.Label);
        Assert.Equal("3.1", description.Version);
        Assert.Equal(clusterSize, description.ClusterSizeBytes);
        Assert.True(description.IsClean);
        Assert.Equal(Tool.Run("blkid", "-p", "-o", "value", "-s", "UUID", image.Path).Trim(), description.Uuid);
    }

    [Fact]
    public void AnEmptyVolume()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(8 << 20);
        UsedRangeMap map = NtfsImages.ProveMap(image);
        Assert.True(map.UsedBytes < image.LengthBytes);
    }

    [Fact]
    public void AVolumeInALargerDeviceKeepsTheRestUsed()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(32 << 20);
        UsedRangeMap small = new NtfsReader().ReadUsedRanges(image, CancellationToken.None);
        image.SetLength(40 << 20);
        UsedRangeMap large = new NtfsReader().ReadUsedRanges(image, CancellationToken.None);
        Assert.Equal(small.UsedBytes + (8 << 20), large.UsedBytes);
        Assert.True(large.Covers(new ByteRange((32 << 20) - 512, (8 << 20) + 512)));
    }

    [Fact]
    public void AMasterFileTableInManyExtents()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(20 << 20, 512);
        using (FuseMount mount = NtfsImages.Mount(image))
        {
            List<string> files = WriteUntilFull(mount.Root, "large", 1024);
            for (int i = 0; i < files.Count; i += 2)
                File.Delete(files[i]);
        }
        using (FuseMount mount = NtfsImages.Mount(image))
            WriteUntilFull(mount.Root, "small", 1);
        Assert.True(NtfsImages.AttributeListLength(image, record: 0) > 1, "ntfs-3g kept $MFT in one extent");
        NtfsImages.ProveMap(image);
    }

    [Fact]
    public void AGrownAndAShrunkVolume()
    {
        NtfsImages.RequireTools();
        Tool.Require("ntfsresize");
        using ImageFile image = NtfsImages.Create(24 << 20, 1024);
        using (FuseMount mount = NtfsImages.Mount(image))
            FileTree.Churn(mount.Root, 16 << 20, 1);
        image.SetLength(90 << 20);
        Tool.Run("ntfsresize", "-ff", "--no-progress-bar", image.Path);
        FileSystemFormatException marked = Assert.Throws<FileSystemFormatException>(
            () => new NtfsReader().ReadUsedRanges(image, CancellationToken.None));
        Assert.Contains("dirty", marked.Message, StringComparison.Ordinal);
        Assert.False(new NtfsReader().Probe(image)!.IsClean);
        Tool.Run("ntfsfix", "-d", image.Path);
        NtfsImages.ProveMap(image);

        Tool.Run("ntfsresize", "-ff", "--no-progress-bar", "-s", "60M", image.Path);
        Tool.Run("ntfsfix", "-d", image.Path);
        NtfsImages.ProveMap(image, isWholeDevice: false);
        image.SetLength(62 << 20);
        NtfsImages.ProveMap(image, isWholeDevice: false);
    }

    private static List<string> WriteUntilFull(string root, string name, int length)
    {
        var random = new Random(length);
        var files = new List<string>();
        var bytes = new byte[length];
        try
        {
            while (true)
            {
                string path = Path.Combine(root, $"{name}{files.Count}");
                files.Add(path);
                random.NextBytes(bytes);
                using FileStream file = File.Create(path);
                file.Write(bytes);
            }
        }
        catch (IOException)
        {
            return files.Where(File.Exists).ToList();
        }
    }
}
