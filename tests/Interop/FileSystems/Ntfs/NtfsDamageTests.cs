using System;
using System.Buffers.Binary;
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

/// <summary>Real volumes in rare shapes and bad states.</summary>
public sealed class NtfsDamageTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void ABitmapInManyRuns(int extentCount)
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(48 << 20, 512);
        using (FuseMount mount = NtfsImages.Mount(image))
            FileTree.Churn(mount.Root, 6 << 20, 3);
        UsedRangeMap before = Read(image);
        new NtfsSurgeon(image).ScatterBitmap(extentCount);
        Assert.Equal(before.UsedBytes, NtfsImages.ProveMap(image).UsedBytes);
        // ntfs-3g writes through the new runs, and the map follows.
        using (FuseMount mount = NtfsImages.Mount(image))
            FileTree.Churn(mount.Root, 2 << 20, 4);
        NtfsImages.ProveMap(image);
    }

    [Fact]
    public void ADamagedMasterFileTableIsReadByItsMirror()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(16 << 20);
        UsedRangeMap before = Read(image);
        long mft = BinaryPrimitives.ReadInt64LittleEndian(image.Read(0x30, 8)) * 4096;
        image.Write(mft, new byte[4]);
        UsedRangeMap after = Read(image);
        Assert.Equal(before.Ranges, after.Ranges);
        Assert.Contains("mirror", Assert.Single(after.Warnings), StringComparison.Ordinal);

        long mirror = BinaryPrimitives.ReadInt64LittleEndian(image.Read(0x38, 8)) * 4096;
        image.Write(mirror, new byte[4]);
        Assert.Throws<FileSystemFormatException>(() => Read(image));
        Assert.Equal("ntfs", new NtfsReader().Probe(image)!.Type);
    }

    [Fact]
    public void ABitmapThatCallsASystemFileFreeIsRefused()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(16 << 20);
        byte[] record = new NtfsSurgeon(image).ReadRecord(6);
        int data = NtfsSurgeon.AttributeOffset(record, 0x80);
        // One byte of length, one or two of position: mkfs makes a single run.
        int runs = data + BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(data + 0x20));
        long lcn = (record[runs] >> 4) == 1 ? record[runs + 2] : BinaryPrimitives.ReadUInt16LittleEndian(record.AsSpan(runs + 2));
        byte[] first = image.Read(lcn * 4096, 1);
        Assert.Equal(0x01, first[0] & 0x01);
        image.Write(lcn * 4096, [(byte)(first[0] & 0xFE)]);
        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(() => Read(image));
        Assert.Contains("$Bitmap", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnOpenJournalIsRefusedUnlessTheDriverFlushed()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(16 << 20);
        UsedRangeMap clean = Read(image);
        NtfsLog.Write(image, isClean: true);
        Assert.Equal(clean.Ranges, Read(image).Ranges);
        Assert.True(new NtfsReader().Probe(image)!.IsClean);

        NtfsLog.Write(image, isClean: false);
        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(() => Read(image));
        Assert.Contains("$LogFile", refused.Message, StringComparison.Ordinal);
        Assert.False(new NtfsReader().Probe(image)!.IsClean);
        Assert.Contains("unclean", DriverRemark(image), StringComparison.Ordinal);
        Assert.Equal(clean.Ranges, new NtfsReader().ReadUsedRanges(image, isFlushed: true, CancellationToken.None).Ranges);
    }

    [Fact]
    public void ATruncatedVolumeIsRefused()
    {
        NtfsImages.RequireTools();
        using ImageFile image = NtfsImages.Create(16 << 20);
        image.SetLength((16 << 20) - 512);
        // Without its last sector, the backup boot sector, it is what a reader sees on a plain Windows handle.
        Assert.NotEmpty(Read(image).Ranges);
        image.SetLength((16 << 20) - 8192);
        Assert.Throws<FileSystemFormatException>(() => Read(image));
    }

    // The driver goes on read-only after its remark.
    private static string DriverRemark(ImageFile image)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("imagebackup-mount-");
        try
        {
            return Tool.TryRun("ntfs-3g", "-o", "norecover", image.Path, directory.FullName).Error;
        }
        finally
        {
            Tool.TryRun("umount", directory.FullName);
            directory.Delete();
        }
    }

    private static UsedRangeMap Read(ImageFile image) => new NtfsReader().ReadUsedRanges(image, CancellationToken.None);
}
