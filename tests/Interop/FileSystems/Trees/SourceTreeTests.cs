using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Btrfs;
using ImageBackup.Engine.FileSystems.ExFat;
using ImageBackup.Engine.FileSystems.Ext;
using ImageBackup.Engine.FileSystems.Fat;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Engine.FileSystems.Trees;
using ImageBackup.Engine.FileSystems.Xfs;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Interop.FileSystems.Trees;

/// <summary>
/// A whole directory of this machine, copied into each file system and compared with its driver: by hand, with IMAGEBACKUP_TREE_SOURCE=/usr.
/// It needs room for the directory twice, and minutes for each file system.
/// </summary>
public sealed class SourceTreeTests
{
    private const string NtfsOptions = "streams_interface=xattr,special_files=wsl";

    private static readonly string? s_source = Environment.GetEnvironmentVariable("IMAGEBACKUP_TREE_SOURCE");

    [Theory]
    [InlineData("-t ext4 -b 4096")]
    [InlineData("-t ext4 -b 1024 -O inline_data")]
    [InlineData("-t ext4 -b 4096 -O bigalloc -C 16384")]
    [InlineData("-t ext2 -b 1024")]
    public void OfExt(string options) => OfTheKernel("mke2fs", $"-q -F {options} -i 16384", options.Contains("ext2", StringComparison.Ordinal) ? "ext2" : "ext4", "", reader => new ExtReader().OpenTree(reader, CancellationToken.None));

    [Theory]
    [InlineData("")]
    [InlineData("-b size=1024 -n size=4096")]
    public void OfXfs(string options) => OfTheKernel("mkfs.xfs", $"-q -f {options}", "xfs", "", reader => new XfsReader().OpenTree(reader, CancellationToken.None));

    [Theory]
    [InlineData("zstd")]
    [InlineData("lzo")]
    public void OfBtrfs(string compression) => OfTheKernel("mkfs.btrfs", "-q", "btrfs", $",compress={compression}", reader => new BtrfsReader().OpenTree(reader, CancellationToken.None));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OfNtfs(bool isCompressed)
    {
        NtfsRequirements();
        using ImageFile image = ImageFile.Create(RoomBytes());
        Tool.Run("mkfs.ntfs", "-Q", "-F", "-q", image.Path);
        using (var mount = new FuseMount("ntfs-3g", image, NtfsOptions + ",compression"))
        {
            if (isCompressed)
                Tool.Run("setfattr", "-h", "-n", "system.ntfs_attrib_be", "-v", "0x00000800", mount.Root);
            Copy(mount.Root);
        }
        using var again = new FuseMount("ntfs-3g", image, "ro,noatime," + NtfsOptions);
        RequireSame(again.Root, new NtfsReader().OpenTree(image, CancellationToken.None),
            OracleFields.Modified | OracleFields.Accessed | OracleFields.Changed | OracleFields.Links | OracleFields.Inode | OracleFields.Device, timeUnitNanoseconds: 100);
    }

    // Neither links nor names of Unix alone: 'cp' goes on without them.
    [Fact]
    public void OfExFat()
    {
        RequireSource("mkfs.exfat", "mount.exfat-fuse");
        FuseMount.Require();
        using ImageFile image = ImageFile.Create(RoomBytes());
        Tool.Run("mkfs.exfat", image.Path);
        using (var mount = new FuseMount("mount.exfat-fuse", image, needsDevice: true))
            Copy(mount.Root);
        using var again = new FuseMount("mount.exfat-fuse", image, "ro,noatime", needsDevice: true);
        RequireSame(again.Root, new ExFatReader().OpenTree(image, CancellationToken.None), OracleFields.Modified, timeUnitNanoseconds: 1_000_000_000);
    }

    // mtools write and read it; what they skip of the source (links, twins) is on neither side.
    [Fact]
    public void OfFat()
    {
        RequireSource("mkfs.fat", "mcopy");
        using ImageFile image = ImageFile.Create(RoomBytes());
        Tool.Run("mkfs.fat", "-F", "32", "-s", "16", image.Path);
        using var folder = new TestFolder();
        string plain = folder.File("plain"), copy = folder.File("copy");
        Directory.CreateDirectory(copy);
        Tool.Shell($"mkdir '{plain}'; cp -r -P --preserve=timestamps '{s_source}/.' '{plain}' 2>&1 | tail -3; find '{plain}' -type l -delete; find '{plain}' -name '*[:\\\\*?\"<>|]*' -delete 2>&1 | tail -3");
        string environment = $"export TZ=UTC MTOOLSRC='{folder.File("mtoolsrc")}'; echo default_codepage=437 > $MTOOLSRC; echo mtools_skip_check=1 >> $MTOOLSRC; ";
        Tool.Shell($"{environment} cd '{plain}' && mcopy -Q -s -m -D s -i '{image.Path}' * :: < /dev/null 2>&1 | tail -3; rm -rf '{plain}'; mcopy -Q -s -m -n -i '{image.Path}' '::*' '{copy}' < /dev/null 2>&1 | tail -3");
        RequireSame(copy, new FatReader().OpenTree(image, CancellationToken.None), OracleFields.Always, timeUnitNanoseconds: 2_000_000_000);
    }

    private static void OfTheKernel(string format, string options, string type, string mountOptions, Func<IBlockReader, IFileTree> open)
    {
        RequireSource(format, "losetup", "mount");
        using var folder = new TestFolder();
        string image = folder.Sparse("volume.img", RoomBytes());
        Tool.Shell($"{format} {options} '{image}'");
        using (var mount = new LoopMount(image, type, "rw,noatime" + mountOptions))
            Copy(mount.Path);
        using var reader = new ImageFileReader(image);
        using var again = new LoopMount(image, type, "ro,noatime");
        RequireSame(again.Path, open(reader), OracleFields.Unix);
    }

    private static void RequireSame(string mountPath, IFileTree tree, OracleFields fields, long timeUnitNanoseconds = 1)
    {
        int count = TreeOracle.Count(mountPath);
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} paths; {string.Join("; ", tree.Notes)}");
        Assert.True(count > 100, $"Only {count} paths were copied.");
        List<string> differences = TreeOracle.Differences(mountPath, tree, fields, timeUnitNanoseconds);
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    // What a file system cannot hold is an error of 'cp' alone: both sides are without it.
    private static void Copy(string target) => Tool.Shell($"cp -a -x '{s_source}/.' '{target}' 2>&1 | tail -3; sync -f '{target}'");

    private static long RoomBytes() => long.Parse(Tool.Shell($"du -sx --block-size=1M '{s_source}' | cut -f1").Trim(), System.Globalization.CultureInfo.InvariantCulture) * 3 / 2 + 2048 << 20;

    private static void NtfsRequirements()
    {
        RequireSource("mkfs.ntfs", "ntfs-3g", "setfattr");
        FuseMount.Require();
    }

    private static void RequireSource(params string[] tools)
    {
        Assert.SkipUnless(s_source is not null, "IMAGEBACKUP_TREE_SOURCE names no directory");
        Tool.Require(tools);
    }
}
