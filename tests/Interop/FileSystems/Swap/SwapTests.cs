using System;
using System.IO;
using System.Text;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Swap;

public sealed class SwapTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData(4096)]
    [InlineData(16384)]
    [InlineData(65536)]
    public void OnlyTheHeaderIsUsed(int pageSize)
    {
        Tool.Require("mkswap", "blkid");
        using var folder = new TestFolder();
        string image = folder.Sparse("swap.img", 40 * MiB + 1000);
        Tool.Run("mkswap", "-L", "tausch", "-p", pageSize.ToString(System.Globalization.CultureInfo.InvariantCulture), image);
        FileSystemDescription description = UsedRangeProof.Probe(image);
        Assert.Equal("swap", description.Type);
        Assert.Equal("tausch", description.Label);
        Assert.Equal(Tool.Run("blkid", "-p", "-s", "UUID", "-o", "value", image).Trim(), description.Uuid);
        UsedRangeMap map = UsedRangeProof.Read(image);
        Assert.Equal([new ByteRange(0, pageSize), new ByteRange(40 * MiB, 1000)], map.Ranges);
        UsedRangeProof.FillFreeWithNoise(image, map);
        Assert.Equal("tausch", Tool.Run("blkid", "-p", "-s", "LABEL", "-o", "value", image).Trim());
    }

    [Fact]
    public void AHibernatedSystemIsRefused()
    {
        Tool.Require("mkswap", "blkid");
        using var folder = new TestFolder();
        string image = folder.Sparse("swap.img", 40 * MiB);
        Tool.Run("mkswap", image);
        using (FileStream stream = File.OpenWrite(image))
        {
            stream.Position = 4096 - 10;
            stream.Write(Encoding.ASCII.GetBytes("S1SUSPEND\0"));
        }
        Assert.Equal("swsuspend", UsedRangeProof.Probe(image).Type);
        Assert.Equal("swsuspend", Tool.Run("blkid", "-p", "-s", "TYPE", "-o", "value", image).Trim());
        Assert.Contains("hibernated", Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ASignatureOnSomethingElseIsRefused()
    {
        Tool.Require("mkswap");
        using var folder = new TestFolder();
        string image = folder.Sparse("swap.img", 40 * MiB);
        Tool.Run("mkswap", image);
        using (FileStream stream = File.OpenWrite(image))
        {
            stream.Position = 1200;
            stream.WriteByte(1);
        }
        Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image));
    }
}
