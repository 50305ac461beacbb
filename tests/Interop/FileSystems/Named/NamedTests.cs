using System;
using System.IO;
using System.Text;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Named;

/// <summary>What is only named, with blkid as the judge of the name.</summary>
public sealed class NamedTests
{
    [Theory]
    [InlineData("luks1")]
    [InlineData("luks2")]
    public void LuksByCryptsetupIsEncryptedAndRefused(string type)
    {
        Tool.Require("cryptsetup", "blkid");
        using var folder = new TestFolder();
        string image = folder.Sparse("luks.img", 32 << 20), key = folder.File("key");
        File.WriteAllText(key, "not a secret");
        string[] options = type == "luks2" ? ["--pbkdf", "pbkdf2", "--label", "vault"] : [];
        (int code, string output, string error) = Tool.TryRun("cryptsetup",
            ["luksFormat", "-q", "--type", type, "--pbkdf-force-iterations", "1000", .. options, "--key-file", key, image]);
        Assert.True(code == 0, output + error);
        FileSystemDescription description = AssertLikeBlkid(image);
        Assert.True(description.IsEncrypted);
        Assert.Equal(type == "luks2" ? "vault" : null, description.Label);
        AssertRefused(image, "encrypted");
    }

    [Fact]
    public void SquashfsIsNamed()
    {
        Tool.Require("mksquashfs", "blkid");
        using var folder = new TestFolder();
        File.WriteAllText(folder.File("a"), "a");
        string image = folder.File("squash.img");
        Tool.Run("mksquashfs", folder.File("a"), image, "-quiet", "-no-progress");
        AssertLikeBlkid(image);
        AssertRefused(image, "squashfs");
    }

    [Fact]
    public void AnLvmPhysicalVolumeIsNamed()
    {
        Tool.Require("pvcreate", "losetup", "blkid");
        using var folder = new TestFolder();
        string image = folder.Sparse("pv.img", 64 << 20);
        string device = Tool.Run("losetup", "-f", "--show", image).Trim();
        try
        {
            (int code, string output, string error) = Tool.TryRun("pvcreate", "--config", $"devices {{ use_devicesfile=0 scan_lvs=0 filter=[\"a|{device}|\",\"r|.*|\"] }} activation {{ udev_sync=0 udev_rules=0 }}", "-y", device);
            Assert.True(code == 0, output + error);
            Tool.Run("blockdev", "--flushbufs", device);
        }
        finally
        {
            Tool.Run("losetup", "-d", device);
        }
        AssertLikeBlkid(image);
        AssertRefused(image, "LVM2_member");
    }

    [Theory]
    [InlineData("jfs", 32768, "4A46533101000000")]
    [InlineData("linux_raid_member", 4096, "FC4E2BA90100000000000000000000000102030405060708090A0B0C0D0E0F10")]
    public void ByMagicAlone(string type, int offset, string hexadecimal)
    {
        using var folder = new TestFolder();
        string image = folder.Sparse("img", 8 << 20);
        using (FileStream stream = File.OpenWrite(image))
        {
            stream.Position = offset;
            stream.Write(Convert.FromHexString(hexadecimal));
            if (type == "linux_raid_member")
            {
                stream.Position = offset + 144;
                stream.Write(BitConverter.GetBytes((ulong)offset / 512));
            }
        }
        Assert.Equal(type, UsedRangeProof.Probe(image).Type);
        AssertRefused(image, type);
    }

    [Fact]
    public void OpticalAndReiserAndZfsAreNamed()
    {
        using var folder = new TestFolder();
        string image = folder.Sparse("img", 8 << 20);
        void Put(long offset, string text)
        {
            using FileStream stream = File.OpenWrite(image);
            stream.SetLength(0);
            stream.SetLength(8 << 20);
            stream.Position = offset;
            stream.Write(Encoding.Latin1.GetBytes(text));
        }
        Put(32768, "\u0001CD001\u0001");
        Assert.Equal("iso9660", UsedRangeProof.Probe(image).Type);
        Put(32768 + 2048, "\u0000NSR03\u0001");
        Assert.Equal("udf", UsedRangeProof.Probe(image).Type);
        Put(65536 + 52, "ReIsEr2Fs");
        Assert.Equal("reiserfs", UsedRangeProof.Probe(image).Type);
        Put(128 * 1024 + 5 * 1024, "\u000C\u00B1\u00BA\u0000\u0000\u0000\u0000\u0000");
        Assert.Equal("zfs_member", UsedRangeProof.Probe(image).Type);
        AssertRefused(image, "zfs_member");
    }

    private static FileSystemDescription AssertLikeBlkid(string image)
    {
        FileSystemDescription description = UsedRangeProof.Probe(image);
        Assert.Equal(Tool.Run("blkid", "-p", "-s", "TYPE", "-o", "value", image).Trim(), description.Type);
        string uuid = Tool.TryRun("blkid", "-p", "-s", "UUID", "-o", "value", image).Output.Trim();
        Assert.Equal(uuid.Length == 0 ? null : uuid, description.Uuid);
        return description;
    }

    private static void AssertRefused(string image, string reason) =>
        Assert.Contains(reason, Assert.Throws<FileSystemFormatException>(() => UsedRangeProof.Read(image)).Message, StringComparison.Ordinal);
}
