using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using ImageBackup.Tests.Interop.FileSystems.Images;
using ImageBackup.Tests.Kits.FileSystems;

namespace ImageBackup.Tests.Interop.FileSystems.Signatures;

/// <summary>Something that can be put on a volume, without regard for what is there, and that can be asked whether it still works.</summary>
/// <param name="Name">For the test's name.</param>
/// <param name="Type">What the scan calls it.</param>
/// <param name="Maker">The program that must be installed; empty if none is needed.</param>
/// <param name="Make">Puts it on; the second argument is a folder with files for it, the third a seed. An exit code other than 0 is passed over.</param>
/// <param name="State">All that can be read by it, as text: its checker's verdict and its files' hashes; null if it does not work.</param>
internal sealed record Claimant(
    string Name, string Type, string Maker, Action<ImageFile, string, int> Make, Func<ImageFile, int, string?> State, long MinSizeBytes = 0)
{
    private const long MiB = 1 << 20;
    private const long PartitionStart = MiB;
    private const int PartitionKiB = 40960;

    /// <summary>Every kind that a reader maps or that is named, as far as it can be made here; what has no maker is written by its layout.</summary>
    public static IReadOnlyList<Claimant> All { get; } =
    [
        Ext("ext2"), Ext("ext3"), Ext("ext4"),
        new("xfs", "xfs", "mkfs.xfs", static (image, files, _) =>
        {
            Run("mkfs.xfs", "-q", "-f", image.Path);
            using var mount = new LoopMount(image.Path, "xfs", "rw,nouuid");
            Run("cp", "-r", files + "/.", mount.Path);
        }, static (image, _) => Checked(image, "xfs_repair", "-n", "-f", image.Path) ? MountedFiles(image, "xfs") : null, 310 * MiB),
        new("btrfs", "btrfs", "mkfs.btrfs", static (image, files, _) => Run("mkfs.btrfs", "-q", "-f", "--rootdir", files, image.Path),
            static (image, _) => Checked(image, "btrfs", "check", "--readonly", "--check-data-csum", image.Path) ? "whole" : null, 120 * MiB),
        new("ntfs", "ntfs", "ntfscp", static (image, files, _) =>
        {
            Run("mkfs.ntfs", "-Q", "-F", "-q", "-p", "0", "-H", "255", "-S", "63", image.Path);
            foreach (string file in Directory.EnumerateFiles(files))
                Run("ntfscp", "-q", "-f", image.Path, file, Path.GetFileName(file));
        }, static (image, _) => Checked(image, "ntfsfix", "-n", image.Path)
            ? Output("bash", "-c", $"ntfsls -f '{image.Path}' && for i in 0 1 2; do ntfscat -f '{image.Path}' f$i | sha256sum; done") : null),
        Fat("fat12", "-F", "12", "-s", "128"), Fat("fat16", "-F", "16"), Fat("fat32", "-F", "32"), Fat("fat32-mbr", "-F", "32", "--mbr=yes"),
        new("exfat", "exfat", "mkfs.exfat", static (image, files, _) => Run("mkfs.exfat", image.Path),
            static (image, _) => Checked(image, "fsck.exfat", "-n", image.Path) ? Output("dump.exfat", image.Path) ?? "clean" : null),
        new("f2fs", "f2fs", "sload.f2fs", static (image, files, _) =>
        {
            Run("mkfs.f2fs", "-q", "-f", image.Path);
            Run("sload.f2fs", "-f", files, image.Path);
        }, static (image, _) => Checked(image, "fsck.f2fs", "--dry-run", image.Path) ? F2fsFiles(image) : null),
        new("swap", "swap", "mkswap", static (image, _, _) => Run("mkswap", image.Path), static (image, _) => Output("swaplabel", image.Path)),
        new("minix", "minix", "mkfs.minix", static (image, _, _) => Run("mkfs.minix", "-3", image.Path),
            static (image, _) => Checked(image, "fsck.minix", "-f", image.Path) ? "clean" : null),
        Table("dos", "dos", "label: dos\nstart=2048,size=81920,type=83\nsize=8192,type=82\n"),
        Table("dos-logical", "dos", "label: dos\nstart=2046,size=100000,type=5\nstart=2048,size=81920,type=83\n"),
        Table("gpt", "gpt", "label: gpt\nstart=2048,size=81920\nsize=8192\n"),
        Opaque("luks1", "crypto_LUKS", "4C554B53BABE0001", 0),
        Opaque("luks2", "crypto_LUKS", "4C554B53BABE0002", 0),
        Opaque("lvm", "LVM2_member", "4C4142454C4F4E450100000000000000" + "00000000" + "20000000" + "4C564D3220303031", 512),
        Opaque("md-1.1", "linux_raid_member", "FC4E2BA901000000", 0),
        Opaque("md-1.2", "linux_raid_member", "FC4E2BA901000000", 4096),
        Opaque("md-1.0", "linux_raid_member", "FC4E2BA901000000", -8192),
        Opaque("md-0.90", "linux_raid_member", "FC4E2BA900000000", -65536),
        Opaque("zfs-start", "zfs_member", "0CB1BA0000000000", 128 << 10),
        Opaque("zfs-end", "zfs_member", "0CB1BA0000000000", -(128 << 10)),
        Opaque("bcache", "bcache", "0800000000000000" + "0000000000000000" + "C68573F64E1A45CA8265F57F48BA6D81", 4096 + 8),
        Opaque("bcachefs", "bcachefs", "C68573F666CE90A9D96A60CF803DF7EF", 4096 + 24),
        Opaque("bitlocker", "BitLocker", "EB58902D4656452D46532D", 0),
        Opaque("refs", "ReFS", "0000005265465300000000000000000046535253", 0),
        Opaque("apfs", "apfs", "4E585342", 32),
        Opaque("hfsplus", "hfsplus", "482B0004", 1024),
        Opaque("jfs", "jfs", "4A465331", 32768),
        Opaque("reiserfs", "reiserfs", "52654973457232467300", 65536 + 52),
        Opaque("squashfs", "squashfs", "68737173", 0),
        Opaque("iso9660", "iso9660", "014344303031", 32768),
        Opaque("udf", "udf", "004E53523033", 34816),
        Opaque("stratis", "stratis", "21537472613074697386FF025E417268", 516),
        Opaque("drbd", "drbd", "8374026D", -4096 + 60),
    ];

    public static Claimant Get(string name) => All.Single(kind => kind.Name == name);

    private static Claimant Ext(string type) => new(type, type, "mke2fs",
        (image, files, _) => Run("mke2fs", "-q", "-F", "-t", type, "-d", files, image.Path),
        static (image, _) => ExtState(image.Path));

    private static Claimant Fat(string name, params string[] options) => new(name, "vfat", "mcopy", (image, files, _) =>
    {
        Run("mkfs.fat", [.. options, image.Path]);
        foreach (string file in Directory.EnumerateFiles(files))
            Run("mcopy", "-i", image.Path, "-o", file, "::" + Path.GetFileName(file));
    }, static (image, _) => Checked(image, "fsck.fat", "-n", image.Path)
        ? Output("bash", "-c", $"mdir -i '{image.Path}' -b :: && for i in 0 1 2; do mtype -i '{image.Path}' ::f$i | sha256sum; done") : null);

    // A table, and an ext4 in its first partition: what is lost when a dead signature decides.
    private static Claimant Table(string name, string type, string script) => new(name, type, "sfdisk", (image, files, _) =>
    {
        Run("mke2fs", "-q", "-F", "-t", "ext4", "-d", files, "-E", $"offset={PartitionStart}", image.Path, $"{PartitionKiB}k");
        Run("bash", "-c", $"printf '{script}' | sfdisk -q --wipe never --wipe-partitions never '{image.Path}'");
    }, (image, _) => Output("sfdisk", "-d", image.Path) is { } dump && dump.Contains($"label: {type}", StringComparison.Ordinal)
        && dump.Contains("start=", StringComparison.Ordinal) && ExtState($"{image.Path}?offset={PartitionStart}") is { } files
            ? dump.Replace(image.Path, "", StringComparison.Ordinal) + files : null);

    // No tool here reads these: the mark, and noise in sixteen places that belong to it.
    private static Claimant Opaque(string name, string type, string hexadecimal, int offset) => new(name, type, "", (image, _, seed) =>
    {
        byte[] mark = Convert.FromHexString(hexadecimal);
        long at = offset < 0 ? image.LengthBytes + offset : offset;
        image.Write(at, mark);
        if (type == "linux_raid_member")
        {
            byte[] place = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(place, at / 512);
            image.Write(at + 144, place);
        }
        foreach ((long place, byte[] bytes) in Payload(image, seed))
            image.Write(place, bytes);
    }, (image, seed) =>
    {
        byte[] mark = Convert.FromHexString(hexadecimal);
        bool isThere = image.Read(offset < 0 ? image.LengthBytes + offset : offset, mark.Length).AsSpan().SequenceEqual(mark)
            && Payload(image, seed).All(part => image.Read(part.Offset, part.Bytes.Length).AsSpan().SequenceEqual(part.Bytes));
        return isThere ? "there" : null;
    });

    private static IEnumerable<(long Offset, byte[] Bytes)> Payload(ImageFile image, int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 16; i++)
        {
            long offset = (2 * MiB + random.NextInt64(image.LengthBytes - 4 * MiB)) & ~4095L;
            byte[] bytes = new byte[4096];
            random.NextBytes(bytes);
            yield return (offset, bytes);
        }
    }

    private static string? ExtState(string path)
    {
        if (Tool.TryRun("e2fsck", "-fn", path).ExitCode != 0)
            return null;
        using var target = new TestFolder();
        Tool.TryRun("debugfs", "-R", $"rdump / {target.Path}", path);
        return Text(FileTree.Hash(target.Path));
    }

    private static string? MountedFiles(ImageFile image, string type)
    {
        using var mount = new LoopMount(image.Path, type, "ro,norecovery,nouuid");
        return Text(FileTree.Hash(mount.Path));
    }

    private static string F2fsFiles(ImageFile image)
    {
        using var target = new TestFolder();
        for (int inode = 4; inode < 8; inode++)
            Tool.TryRun("bash", "-c", $"cd '{target.Path}' && yes y | dump.f2fs -i {inode:x} '{image.Path}'");
        return Text(FileTree.Hash(target.Path));
    }

    private static string Text(SortedDictionary<string, string> files) =>
        string.Join("\n", files.Select(file => string.Create(CultureInfo.InvariantCulture, $"{file.Key} {file.Value}")));

    // A maker that refuses leaves the claimant out of the round: its state is asked for afterwards.
    private static void Run(string name, params string[] arguments) => Tool.TryRun(name, arguments);

    private static bool Checked(ImageFile image, string name, params string[] arguments) =>
        image.LengthBytes > 0 && Tool.TryRun(name, arguments).ExitCode == 0;

    private static string? Output(string name, params string[] arguments) =>
        Tool.TryRun(name, arguments) is (0, { } output, _) ? output : null;

    public override string ToString() => Name;
}
