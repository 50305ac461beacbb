using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Restore;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Restore;

/// <summary>What a restore must not destroy by mistake, and what it must not leave behind.</summary>
public sealed class RestoreSafetyTests : IDisposable
{
    private const int MiB = 1 << 20;

    private readonly JobRig _rig = new();

    public void Dispose() => _rig.Dispose();

    public static TheoryData<string, string> Valuables => new()
    {
        { "lvm", "an LVM physical volume" },
        { "md", "a member of a Linux software RAID" },
        { "luks", "a LUKS volume" },
        { "zfs", "a member of a ZFS pool" },
        { "mbr", "a partition table (MBR)" },
        { "gpt", "a partition table (GPT)" },
    };

    [Theory]
    [MemberData(nameof(Valuables))]
    public void What_may_belong_to_something_larger_needs_Force(string kind, string named)
    {
        ImageBackupInfo image = Image(JobRig.Content("ab"));
        byte[] before = Occupied(kind);
        MemoryVolume target = _rig.Volumes.Add("/mem/t", (byte[])before.Clone());
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(image.Id, "/mem/t"));
        Assert.Equal(ErrorId.TargetHoldsData, e.Id);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.Equal(before, target.Content);
        Assert.Equal(0, target.OpenCount);

        RestoreCheck check = Check(image, "/mem/t");
        Assert.Contains(check.Valuables, valuable => valuable.StartsWith(named, StringComparison.Ordinal));
        Assert.Contains(named, check.Now, StringComparison.Ordinal);
        RestoreResult result = _rig.Restore(image.Id, "/mem/t", r => r with { Force = true });
        Assert.Empty(result.Warnings);
        Assert.DoesNotContain(SignatureScan.Find(target.OpenReader()), claim => claim.IsClaimant);
        if (kind is "md" or "gpt")
            Assert.NotEmpty(result.ClearedSignatures);
    }

    [Fact]
    public void What_an_attempt_before_wrote_does_not_stop_the_next()
    {
        byte[] disk = Occupied("gpt");
        ImageBackupInfo image = Image(disk);
        byte[] half = SeededBytes.Make(3, disk.Length);
        disk.AsSpan(0, disk.Length / 2).CopyTo(half);
        MemoryVolume target = _rig.Volumes.Add("/mem/t", half);
        JobRig.AssertFails(ErrorId.TargetHoldsData, () => _rig.Restore(image.Id, "/mem/t"));
        _rig.Restore(image.Id, "/mem/t", r => r with { SkipUnchanged = true });
        Assert.Equal(disk, target.Content);
        // Another disk's table is another matter.
        byte[] other = Occupied("mbr");
        _rig.Volumes.Add("/mem/t", other);
        JobRig.AssertFails(ErrorId.TargetHoldsData, () => _rig.Restore(image.Id, "/mem/t", r => r with { SkipUnchanged = true }));
    }

    [Fact]
    public void The_question_says_what_is_there()
    {
        ImageBackupInfo image = Image(JobRig.Content("ab"));
        byte[] ext = Ext(label: "data", mountedAt: 1_700_000_000, "/srv/data");
        _rig.Volumes.Add("/mem/t", ext);
        RestoreCheck check = Check(image, "/mem/t");
        string time = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);
        Assert.StartsWith("ext2 'data' (UUID ", check.Now, StringComparison.Ordinal);
        Assert.Contains($"last mounted {time} at /srv/data", check.Now, StringComparison.Ordinal);
        Assert.Equal(ext.Length, check.NowBytes);
        _rig.Volumes.Add("/mem/t", new byte[4 * MiB]);
        Assert.Equal("its content (which is not recognised)", Check(image, "/mem/t").Now);
        Assert.Equal(("nothing (a new file)", (long?)null), (Check(image, _rig.File("new")).Now, Check(image, _rig.File("new")).NowBytes));
        System.IO.File.WriteAllText(_rig.File("old"), "xyz");
        RestoreCheck old = Check(image, _rig.File("old"), r => r with { ReplaceFile = true });
        Assert.StartsWith("the file that is there, last written ", old.Now, StringComparison.Ordinal);
        Assert.Equal(3, old.NowBytes);
    }

    [Fact]
    public void Another_computer_that_may_use_the_target_needs_Force()
    {
        ImageBackupInfo image = Image(JobRig.Content("ab"));
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        byte[] used = Ext("shared", now, "/mnt", isClean: false);
        MemoryVolume target = _rig.Volumes.Add("/mem/t", (byte[])used.Clone());
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(image.Id, "/mem/t"));
        Assert.Equal(ErrorId.MaybeInUseElsewhere, e.Id);
        Assert.Contains("after this computer started", e.Message, StringComparison.Ordinal);
        Assert.Equal(used, target.Content);
        Assert.Contains(_rig.Restore(image.Id, "/mem/t", r => r with { Force = true }).Warnings, w => w.Contains("Another computer may be using '/mem/t'", StringComparison.Ordinal));

        // Unmounted, or not touched since this computer started: a crash of its own.
        _rig.Volumes.Add("/mem/t", Ext("shared", now, "/mnt", isClean: true));
        Assert.Empty(_rig.Restore(image.Id, "/mem/t").Warnings);
        _rig.Volumes.Add("/mem/t", Ext("shared", 1_000_000_000, "/mnt", isClean: false));
        Assert.Empty(_rig.Restore(image.Id, "/mem/t").Warnings);
    }

    [Fact]
    public void A_backup_warns_of_another_computer_and_not_of_this_one_s_own_use()
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        byte[] used = Ext("shared", now, "/mnt", isClean: false);
        _rig.Volumes.Add("/mem/a", used);
        ImageBackupInfo image = _rig.Backup("/mem/a");
        Assert.Contains(image.Warnings, w => w.Contains("MaybeInUseElsewhere", StringComparison.Ordinal));
        // Restored twice: what is on the target is what the image put there.
        _rig.Volumes.Add("/mem/t", new byte[used.Length]);
        Assert.DoesNotContain(_rig.Restore(image.Id, "/mem/t").Warnings, w => w.Contains("Another computer", StringComparison.Ordinal));
        Assert.DoesNotContain(_rig.Restore(image.Id, "/mem/t").Warnings, w => w.Contains("Another computer", StringComparison.Ordinal));
        // Mounted here: no wonder.
        _rig.Volumes.Add("/mem/a", used, d => d with { MountPoints = ["/data"] });
        Assert.DoesNotContain(_rig.Backup("/mem/a").Warnings, w => w.Contains("MaybeInUseElsewhere", StringComparison.Ordinal));
        // A copy of what is mounted here looks mounted too.
        _rig.Volumes.Add("/mem/clone", (byte[])used.Clone());
        Assert.DoesNotContain(_rig.Backup("/mem/clone").Warnings, w => w.Contains("MaybeInUseElsewhere", StringComparison.Ordinal));
    }

    [Fact]
    public void The_device_that_was_confirmed_is_the_one_that_is_written()
    {
        ImageBackupInfo image = Image(JobRig.Content("ab"));
        byte[] noise = SeededBytes.Make(4, 4 * MiB);
        DeviceInstance first = DeviceInstance.Of(("disk sequence number", "5"), ("serial", "A")), second = DeviceInstance.Of(("disk sequence number", "6"), ("serial", "A"));
        _rig.Volumes.Add("/mem/t", (byte[])noise.Clone(), d => d with { Instance = first });
        DeviceInstance confirmed = Check(image, "/mem/t").Confirmed!;
        // Changed between the question and the start.
        MemoryVolume changed = _rig.Volumes.Add("/mem/t", (byte[])noise.Clone(), d => d with { Instance = second });
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(image.Id, "/mem/t", r => r with { Confirmed = confirmed }));
        Assert.Equal(ErrorId.TargetChanged, e.Id);
        Assert.Contains("its disk sequence number was 5 and is 6", e.Message, StringComparison.Ordinal);
        Assert.Equal(noise, changed.Content);
        // Changed between the last look and the opening.
        _rig.Volumes.Add("/mem/t", (byte[])noise.Clone(), d => d with { Instance = first });
        _rig.Volumes.OnOpenTarget = () => changed = _rig.Volumes.Add("/mem/t", (byte[])noise.Clone(), d => d with { Instance = second });
        JobRig.AssertFails(ErrorId.TargetChanged, () => _rig.Restore(image.Id, "/mem/t", r => r with { Confirmed = confirmed }));
        Assert.Equal(noise, changed.Content);
        _rig.Volumes.OnOpenTarget = null;
        _rig.Restore(image.Id, "/mem/t", r => r with { Confirmed = second });
    }

    [Fact]
    public void Sectors_of_another_size_are_refused_before_the_first_byte()
    {
        byte[] content = JobRig.Content("abcdefgh");
        Fat(512).CopyTo(content, 0);
        _rig.Volumes.Add("/mem/fat", content, d => d with { SectorSizeBytes = 512 });
        ImageBackupInfo image = _rig.Backup("/mem/fat");
        byte[] noise = SeededBytes.Make(4, content.Length);
        MemoryVolume target = _rig.Volumes.Add("/mem/t", (byte[])noise.Clone(), d => d with { SectorSizeBytes = 4096 });
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(image.Id, "/mem/t"));
        Assert.Equal(ErrorId.SectorSizeDiffers, e.Id);
        Assert.Contains("'/mem/t' has sectors of 4096 bytes, and the image's FAT needs sectors of 512 bytes", e.Message, StringComparison.Ordinal);
        Assert.Equal(noise, target.Content);
        Assert.Contains(_rig.Restore(image.Id, "/mem/t", r => r with { Force = true }).Warnings, w => w.Contains("could not be used there", StringComparison.Ordinal));
        Assert.Equal(content, target.Content);
        // A file has no sectors.
        Assert.Empty(_rig.Restore(image.Id, _rig.File("out")).Warnings);
    }

    public static TheoryData<string, int, int, bool> SectorCases => new()
    {
        { "fat", 512, 4096, false },
        { "fat", 4096, 512, false },
        { "fat", 4096, 4096, true },
        { "ntfs", 512, 4096, false },
        { "ntfs", 4096, 512, false },
        { "exfat", 512, 4096, false },
        { "exfat", 4096, 512, false },
        { "xfs", 512, 4096, false },
        { "xfs", 4096, 512, true },
        { "xfs", 4096, 4096, true },
        { "ext", 1024, 4096, false },
        { "ext", 4096, 4096, true },
        { "ext", 1024, 512, true },
        { "gpt", 512, 4096, false },
        { "gpt", 4096, 512, false },
        { "mbr", 512, 4096, false },
        { "noise", 512, 4096, true },
    };

    [Theory]
    [MemberData(nameof(SectorCases))]
    public void Each_kind_says_what_sectors_it_needs(string kind, int own, int target, bool fits)
    {
        byte[] bytes = kind switch
        {
            "fat" => Fat(own),
            "ntfs" => Boot("NTFS    ", own),
            "exfat" => ExFat(own),
            "xfs" => Xfs(own),
            "ext" => Ext("x", 1, "/", blockBytes: own),
            "gpt" => Gpt(own),
            "mbr" => Occupied("mbr"),
            _ => SeededBytes.Make(9, MiB),
        };
        using var reader = new PatchedVolume(bytes);
        // As a file has it recorded, or as the disk that it was made on.
        Assert.Equal(fits, SectorSizeRule.Find(reader, own, "t", target) is null || own == target);
        Assert.Equal(fits || kind == "mbr", SectorSizeRule.Find(reader, null, "t", target) is null);
        Assert.Null(SectorSizeRule.Find(reader, target, "t", target));
    }

    [Fact]
    public void Old_signatures_outside_of_what_the_image_stores_are_cleared_and_its_own_stay()
    {
        byte[] bytes = SeededBytes.Make(5, 4 * MiB);
        // The image's: a swap mark in its used range. Old ones: ZFS at both ends, the copy of a GPT, md at the end and, under it, an older one.
        Encoding.ASCII.GetBytes("SWAPSPACE2").CopyTo(bytes, 4086);
        foreach (int label in new[] { 0, 256 << 10, bytes.Length - (512 << 10), bytes.Length - (256 << 10) })
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(label + (128 << 10) + 1024), 0x00BAB10C);
        DiskImage.WriteHeader(bytes, 512, bytes.Length / 512 - 1, 1, bytes.Length / 512 - 33, (100, 200));
        WriteMd(bytes, bytes.Length - 8192);
        byte[] before = (byte[])bytes.Clone();
        var rig = new VolumeDouble();
        MemoryVolume volume = rig.Add("/mem/t", bytes);
        // The third range ends within the image; what lies behind it is the larger target's.
        var used = new UsedRanges([new ByteRange(0, 64 << 10), new ByteRange(MiB, MiB)], 3 * MiB);
        using (IBlockWriter writer = volume.OpenWriter())
        {
            IReadOnlyList<string> cleared = StaleSignatures.Clear(writer, used, CancellationToken.None);
            Assert.Contains(cleared, c => c.StartsWith("zfs_member", StringComparison.Ordinal));
            Assert.Contains(cleared, c => c.StartsWith("gpt", StringComparison.Ordinal));
            Assert.Contains(cleared, c => c.StartsWith("linux_raid_member", StringComparison.Ordinal));
            Assert.Empty(StaleSignatures.Clear(writer, used, CancellationToken.None));
        }
        Assert.Equal("swap", Assert.Single(SignatureScan.Find(volume.OpenReader())).Type);
        Assert.Equal(before[..(64 << 10)], volume.Content[..(64 << 10)]);
        Assert.Equal(before[MiB..(2 * MiB)], volume.Content[MiB..(2 * MiB)]);
    }

    [Fact]
    public void An_image_whose_own_signature_is_at_the_end_keeps_it()
    {
        byte[] member = SeededBytes.Make(5, 4 * MiB);
        WriteMd(member, member.Length - 8192);
        ImageBackupInfo image = Image(member);
        MemoryVolume target = _rig.Volumes.Add("/mem/t", new byte[member.Length]);
        Assert.Empty(_rig.Restore(image.Id, "/mem/t").ClearedSignatures);
        Assert.Equal(member, target.Content);
    }

    private ImageBackupInfo Image(byte[] content)
    {
        _rig.Volumes.Add("/mem/image", content);
        return _rig.Backup("/mem/image");
    }

    private RestoreCheck Check(ImageBackupInfo image, string destination, Func<RestoreRequest, RestoreRequest>? change = null)
    {
        var request = new RestoreRequest { ImageId = image.Id, Destination = destination, Force = true };
        return new RestoreJob(_rig.Repository, _rig.Volumes).Check(change?.Invoke(request) ?? request, CancellationToken.None);
    }

    private static byte[] Occupied(string kind)
    {
        byte[] bytes = SeededBytes.Make(8, 4 * MiB);
        switch (kind)
        {
            case "lvm":
                Encoding.ASCII.GetBytes("LABELONE").CopyTo(bytes, 512);
                bytes.AsSpan(520, 16).Clear();
                bytes[532] = 32;
                Encoding.ASCII.GetBytes("LVM2 001").CopyTo(bytes, 536);
                Encoding.ASCII.GetBytes("AbCdEf1234567890abcdefghijklmnop").CopyTo(bytes, 544);
                break;
            case "md":
                WriteMd(bytes, bytes.Length - 8192);
                break;
            case "luks":
                bytes.AsSpan(0, 512).Clear();
                Convert.FromHexString("4C554B53BABE0001").CopyTo(bytes, 0);
                break;
            case "zfs":
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(128 << 10), 0x00BAB10C);
                break;
            case "mbr":
                DiskImage.WriteMbr(bytes, 0x1234, (0x83, 2048, 4096));
                break;
            default:
                DiskImage.WriteGpt(bytes, 512, (2048, 4095));
                break;
        }
        return bytes;
    }

    private static void WriteMd(byte[] bytes, int offset)
    {
        bytes.AsSpan(offset, 256).Clear();
        Convert.FromHexString("FC4E2BA901000000").CopyTo(bytes, offset);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(offset + 144), offset / 512);
    }

    private static byte[] Gpt(int sectorBytes)
    {
        byte[] bytes = new byte[4 * MiB];
        DiskImage.WriteGpt(bytes, sectorBytes, (300, 400));
        return bytes;
    }

    private static byte[] Ext(string label, long mountedAt, string point, bool isClean = true, int blockBytes = 4096)
    {
        byte[] bytes = new byte[4 * MiB];
        Span<byte> super = bytes.AsSpan(1024, 1024);
        BinaryPrimitives.WriteUInt32LittleEndian(super, 128);
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x4..], (uint)(bytes.Length / blockBytes));
        BinaryPrimitives.WriteInt32LittleEndian(super[0x18..], System.Numerics.BitOperations.Log2((uint)blockBytes) - 10);
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x20..], 32768);
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x2C..], (uint)mountedAt);
        BinaryPrimitives.WriteUInt16LittleEndian(super[0x38..], 0xEF53);
        BinaryPrimitives.WriteUInt16LittleEndian(super[0x3A..], (ushort)(isClean ? 1 : 0));
        super[0x4C] = 1;
        SeededBytes.Make(label[0], 16).CopyTo(super[0x68..]);
        Encoding.ASCII.GetBytes(label).CopyTo(super[0x78..]);
        Encoding.ASCII.GetBytes(point).CopyTo(super[0x88..]);
        return bytes;
    }

    private static byte[] Fat(int sectorBytes)
    {
        byte[] bytes = Boot("MSDOS5.0", sectorBytes);
        bytes[0] = 0xEB;
        bytes[13] = 1;
        bytes[16] = 2;
        return bytes;
    }

    private static byte[] Boot(string name, int sectorBytes)
    {
        byte[] bytes = new byte[8192];
        Encoding.ASCII.GetBytes(name).CopyTo(bytes, 3);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(11), (ushort)sectorBytes);
        bytes[510] = 0x55;
        bytes[511] = 0xAA;
        return bytes;
    }

    private static byte[] ExFat(int sectorBytes)
    {
        byte[] bytes = Boot("EXFAT   ", 0);
        bytes[108] = (byte)System.Numerics.BitOperations.Log2((uint)sectorBytes);
        return bytes;
    }

    private static byte[] Xfs(int sectorBytes)
    {
        byte[] bytes = new byte[8192];
        Encoding.ASCII.GetBytes("XFSB").CopyTo(bytes, 0);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(102), (ushort)sectorBytes);
        return bytes;
    }
}
