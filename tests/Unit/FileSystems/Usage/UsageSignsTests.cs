using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using ImageBackup.Engine.FileSystems.Usage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Usage;

/// <summary>What each kind says of a computer that may be using it.</summary>
public sealed class UsageSignsTests
{
    private const int MiB = 1 << 20;

    private static readonly UsageContext s_here = new()
    {
        ComputerName = "here.example.org",
        StartTime = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
        HostId = 0x12345678,
        SystemIds = ["0123456789abcdef"],
    };

    [Theory]
    [InlineData("other", 0x00000007u, "the computer 'other' has it mounted")]
    [InlineData("other", 0xE24D4D50u, "the computer 'other' is checking it")]
    [InlineData("here", 0x00000007u, null)]
    [InlineData("other", 0xFF4D4D50u, null)]
    public void Ext_by_its_multiple_mount_protection(string node, uint sequence, string? expected)
    {
        byte[] bytes = new byte[MiB];
        Span<byte> super = bytes.AsSpan(1024);
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x4..], 1024);
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x20..], 8192);
        BinaryPrimitives.WriteUInt16LittleEndian(super[0x38..], 0xEF53);
        super[0x3A] = 1;
        super[0x4C] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(super[0x60..], 0x100);
        BinaryPrimitives.WriteUInt64LittleEndian(super[0x168..], 100);
        Span<byte> protection = bytes.AsSpan(100 * 1024);
        BinaryPrimitives.WriteUInt32LittleEndian(protection, 0x004D4D50);
        BinaryPrimitives.WriteUInt32LittleEndian(protection[4..], sequence);
        Encoding.ASCII.GetBytes(node).CopyTo(protection[16..]);
        AssertSays(expected, bytes, "ext4");
    }

    [Theory]
    [InlineData("system_id = \"other\"", "belongs to the computer 'other'")]
    [InlineData("system_id = \"here\"", null)]
    [InlineData("system_id = \"0123456789ABCDEF\"", null)]
    [InlineData("lock_type = \"sanlock\"", "is shared by the lock manager sanlock")]
    [InlineData("lock_type = \"none\"", null)]
    [InlineData("status = [\"RESIZEABLE\", \"READ\", \"WRITE\", \"CLUSTERED\"]", "the volume group 'vg0' is a cluster's")]
    [InlineData("status = [\"RESIZEABLE\", \"READ\", \"WRITE\"]", null)]
    public void Lvm_by_its_metadata(string line, string? expected)
    {
        foreach (bool wraps in new[] { false, true })
            AssertSays(expected, Lvm("vg0 {\nid = \"x\"\nseqno = 3\n" + line + "\nphysical_volumes {\npv0 {\nsystem_id = \"not this one\"\n}\n}\n}\n", wraps), "LVM2_member");
    }

    [Theory]
    [InlineData("other:data", "of the array 'other:data' of the computer 'other'")]
    [InlineData("here:data", null)]
    [InlineData("any:data", null)]
    [InlineData("data", null)]
    public void Raid_by_its_home_host(string name, string? expected)
    {
        byte[] bytes = new byte[MiB];
        Convert.FromHexString("FC4E2BA901000000").CopyTo(bytes, 4096);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4096 + 144), 8);
        Encoding.ASCII.GetBytes(name).CopyTo(bytes, 4096 + 32);
        AssertSays(expected, bytes, "linux_raid_member");
    }

    [Theory]
    [InlineData(0, 0x87654321, "other", "the pool 'tank' was not exported by the computer 'other' (hostid 87654321)")]
    [InlineData(0, 0x12345678, "other", null)]
    [InlineData(0, 0, "here", null)]
    [InlineData(1, 0x87654321, "other", null)]
    public void Zfs_by_its_label(long state, long hostId, string host, string? expected)
    {
        foreach (int label in new[] { 0, 4 * MiB - (256 << 10) })
        {
            byte[] bytes = new byte[4 * MiB];
            ZfsList(("name", "tank"), ("state", state), ("txg", 77L), ("pool_guid", 5L), ("hostid", hostId), ("hostname", host)).CopyTo(bytes, label + (16 << 10));
            AssertSays(expected, bytes, "zfs_member");
        }
    }

    [Fact]
    public void A_cluster_s_file_systems_say_so()
    {
        byte[] gfs2 = new byte[MiB];
        BinaryPrimitives.WriteUInt32BigEndian(gfs2.AsSpan(65536), 0x01161970);
        BinaryPrimitives.WriteUInt32BigEndian(gfs2.AsSpan(65540), 1);
        Encoding.ASCII.GetBytes("lock_dlm").CopyTo(gfs2, 65536 + 0x60);
        Encoding.ASCII.GetBytes("prod:web").CopyTo(gfs2, 65536 + 0xA0);
        AssertSays("a cluster's file system (lock_dlm, 'prod:web')", gfs2, "gfs2");
        Encoding.ASCII.GetBytes("lock_nolock\0").CopyTo(gfs2, 65536 + 0x60);
        AssertSays(null, gfs2, "gfs2");

        byte[] ocfs2 = new byte[MiB];
        Encoding.ASCII.GetBytes("OCFSV2").CopyTo(ocfs2, 8192);
        AssertSays("it is a cluster's file system", ocfs2, "ocfs2");
        ocfs2[8192 + 0xE0] = 8;
        AssertSays(null, ocfs2, "ocfs2");

        byte[] vmfs = new byte[4 * MiB];
        Convert.FromHexString("0DD001C0").CopyTo(vmfs, MiB);
        AssertSays("ESXi hosts share", vmfs, "VMFS_volume_member");
    }

    [Fact]
    public void A_hibernated_system_needs_its_swap()
    {
        byte[] swap = new byte[MiB];
        Encoding.ASCII.GetBytes("S1SUSPEND\0").CopyTo(swap, 4086);
        AssertSays("hibernated", swap, "swsuspend");
        Encoding.ASCII.GetBytes("SWAPSPACE2").CopyTo(swap, 4086);
        Assert.Empty(Read(swap));
    }

    [Fact]
    public void Luks_says_that_it_is_being_re_encrypted()
    {
        byte[] luks = new byte[MiB];
        Convert.FromHexString("4C554B53BABE0002").CopyTo(luks, 0);
        BinaryPrimitives.WriteUInt64BigEndian(luks.AsSpan(8), 16384);
        Encoding.ASCII.GetBytes("{\"config\":{}}").CopyTo(luks, 4096);
        AssertSays(null, luks, "crypto_LUKS");
        Encoding.ASCII.GetBytes("{\"config\":{\"requirements\":{\"mandatory\":[\"online-reencrypt-v2\"]}}}").CopyTo(luks, 4096);
        AssertSays("re-encrypted", luks, "crypto_LUKS");
    }

    /// <summary>Real ones of each kind: their log is open or closed, and their times lie before or after the start.</summary>
    [Theory]
    [InlineData("xfs-5.seed", "xfs", false)]
    [InlineData("ext4-4k-crashed.seed", "ext4", true)]
    [InlineData("ext4-1k.seed", "ext4", false)]
    [InlineData("btrfs-crashed.seed", "btrfs", true)]
    [InlineData("btrfs-dup.seed", "btrfs", false)]
    public void What_was_not_unmounted_and_written_since_the_start(string seed, string type, bool isOpen)
    {
        using var volume = new SeedVolumeReader(SeedVolume.Load(Path.Combine(AppContext.BaseDirectory, "Fixtures", "FileSystems", seed)));
        UsageContext young = s_here with { StartTime = DateTimeOffset.UtcNow.AddYears(1) }, old = s_here with { StartTime = DateTimeOffset.UnixEpoch };
        Assert.Equal(isOpen, Assert.Single(UsageSigns.Read(volume, old), sign => sign.Type == type).Elsewhere is not null);
        UsageSign afterStart = Assert.Single(UsageSigns.Read(volume, young), sign => sign.Type == type);
        // btrfs has no time to compare.
        Assert.Equal(isOpen && type == "btrfs", afterStart.Elsewhere is not null);
        Assert.NotNull(afterStart.Id);
    }

    [Fact]
    public void Hostile_bytes_raise_nothing()
    {
        byte[][] seeds =
        [
            Lvm("vg { system_id = \"x\" }", wraps: false), new byte[MiB], SeededBytes.Make(1, MiB),
        ];
        byte[] zfs = new byte[MiB];
        ZfsList(("name", "tank"), ("state", 0L), ("hostname", "h")).CopyTo(zfs, 16 << 10);
        var random = new Random(42);
        foreach (byte[] seed in seeds.Append(zfs))
        {
            for (int round = 0; round < 300; round++)
            {
                byte[] bytes = (byte[])seed.Clone();
                for (int i = 0; i < 20; i++)
                    bytes[random.Next(4) == 0 ? random.Next(bytes.Length) : random.Next(2048) + (16 << 10) * random.Next(2)] = (byte)random.Next(256);
                _ = Read(bytes);
                _ = Read(bytes[..random.Next(1, bytes.Length)]);
            }
        }
    }

    private static IReadOnlyList<UsageSign> Read(byte[] bytes)
    {
        using var volume = new PatchedVolume(bytes);
        return UsageSigns.Read(volume, s_here);
    }

    private static void AssertSays(string? expected, byte[] bytes, string type)
    {
        UsageSign sign = Assert.Single(Read(bytes));
        Assert.Equal(type, sign.Type);
        if (expected is null)
            Assert.Null(sign.Elsewhere);
        else
            Assert.Contains(expected, sign.Elsewhere, StringComparison.Ordinal);
    }

    private static byte[] Lvm(string metadata, bool wraps)
    {
        const int area = 4096, areaBytes = 64 << 10;
        byte[] bytes = new byte[MiB], text = Encoding.ASCII.GetBytes(metadata);
        Encoding.ASCII.GetBytes("LABELONE").CopyTo(bytes, 512);
        bytes[512 + 20] = 32;
        Encoding.ASCII.GetBytes("LVM2 001").CopyTo(bytes, 512 + 24);
        Encoding.ASCII.GetBytes("AbCdEf1234567890abcdefghijklmnop").CopyTo(bytes, 544);
        // UUID and size; one data area and the list's end; one metadata area.
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(544 + 40), MiB / 2);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(544 + 72), area);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(544 + 80), areaBytes);
        Encoding.ASCII.GetBytes(" LVM2 x[5A%r0N*>").CopyTo(bytes, area + 4);
        int start = wraps ? areaBytes - text.Length / 2 : 1024;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(area + 40), start);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(area + 48), text.Length);
        int first = Math.Min(text.Length, areaBytes - start);
        text.AsSpan(0, first).CopyTo(bytes.AsSpan(area + start));
        text.AsSpan(first).CopyTo(bytes.AsSpan(area + 512));
        return bytes;
    }

    private static byte[] ZfsList(params (string Name, object Value)[] pairs)
    {
        var stream = new MemoryStream();
        void Number(uint value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
            stream.Write(bytes);
        }
        void Padded(string text)
        {
            byte[] bytes = Encoding.ASCII.GetBytes(text);
            stream.Write(bytes);
            stream.Write(new byte[-bytes.Length & 3]);
        }
        stream.Write([1, 1, 0, 0]);
        Number(0);
        Number(1);
        foreach ((string name, object value) in pairs)
        {
            string? text = value as string;
            int valueBytes = text is null ? 8 : 4 + (text.Length + 3 & ~3);
            Number((uint)(8 + 4 + (name.Length + 3 & ~3) + 8 + valueBytes));
            Number(0);
            Number((uint)name.Length);
            Padded(name);
            Number(text is null ? 8u : 9u);
            Number(1);
            if (text is null)
            {
                Number((uint)((long)value >> 32));
                Number((uint)(long)value);
            }
            else
            {
                Number((uint)text.Length);
                Padded(text);
            }
        }
        Number(0);
        Number(0);
        return stream.ToArray();
    }
}
