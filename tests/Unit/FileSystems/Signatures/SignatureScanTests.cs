using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Signatures;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems.Signatures;

/// <summary>Who claims a volume, and by which bytes.</summary>
public sealed class SignatureScanTests
{
    private const int MiB = 1 << 20;

    public static TheoryData<string> SeedNames => [.. SeedImage.Names("")];

    /// <summary>Bytes at an offset (from the end if negative) that make a claim of that type.</summary>
    public static TheoryData<string, int, string> Magics => new()
    {
        { "LVM2_member", 512, "4C4142454C4F4E450100000000000000" + "00000000" + "20000000" + "4C564D3220303031" },
        { "linux_raid_member", 0, "FC4E2BA901000000" },
        { "linux_raid_member", 4096, "FC4E2BA901000000" },
        { "linux_raid_member", -8192, "FC4E2BA901000000" },
        { "linux_raid_member", -65536, "FC4E2BA900000000" },
        { "zfs_member", 128 << 10, "0CB1BA0000000000" },
        { "zfs_member", (256 + 128) << 10, "0000000000BAB10C" },
        { "zfs_member", -((256 + 128) << 10), "0CB1BA0000000000" },
        { "zfs_member", -(128 << 10), "0CB1BA0000000000" },
        { "bcache", 4096 + 8, "0800000000000000" + "0000000000000000" + "C68573F64E1A45CA8265F57F48BA6D81" },
        { "bcachefs", 4096 + 24, "C68573F666CE90A9D96A60CF803DF7EF" },
        { "apfs", 32, "4E585342" },
        { "hfsplus", 1024, "482B0004" },
        { "erofs", 1024, "E2E1F5E0" },
        { "squashfs", 0, "68737173" },
        { "jfs", 32768, "4A465331" },
        { "reiserfs", 65536 + 52, "52654973457232467300" },
        { "iso9660", 32768, "014344303031" },
        { "udf", 34816, "004E53523033" },
        { "cramfs", 0, "453DCD28" },
        { "befs", 544, "31534642" },
        { "gfs2", 65536, "01161970" },
        { "ocfs2", 4096, "4F4346535632" },
        { "hpfs", 8192, "49E895F9" },
        { "ufs", 65536 + 1372, "19015419" },
        { "VMFS", 2 << 20, "5EF1AB2F" },
        { "ddf_raid_member", -512, "DE11DE11" },
        { "isw_raid_member", -1024, "496E74656C205261696420" + "49534D2043666720536967" + "2E20" },
        { "drbd", -4096 + 60, "8374026D" },
        { "DM_snapshot_cow", 0, "536E4170" },
        { "stratis", 516, "21537472613074697386FF025E417268" },
        { "mac", 512, "504D0000" },
        { "bsd", 512, "57455682" },
        { "sgi", 0, "0BE5A941" },
        { "crypto_LUKS", 0, "4C554B53BABE0001" },
        { "swap", 4086, "5357415053504143" + "4532" },
        { "swap", 65526, "5357415053504143" + "4532" },
    };

    private static IReadOnlyList<SignatureClaim> Find(byte[] bytes)
    {
        using var volume = new PatchedVolume(bytes);
        return SignatureScan.Find(volume);
    }

    [Theory]
    [MemberData(nameof(Magics))]
    public void A_magic_is_found_and_gone_when_its_bytes_are(string type, int offset, string hexadecimal)
    {
        byte[] bytes = new byte[4 * MiB];
        int at = offset < 0 ? bytes.Length + offset : offset;
        Convert.FromHexString(hexadecimal).CopyTo(bytes, at);
        if (type == "linux_raid_member")
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at + 144), at / 512);
        SignatureClaim claim = Assert.Single(Find(bytes));
        Assert.Equal((type, true), (claim.Type, claim.IsClaimant));
        Assert.Equal(type is "mac" or "bsd" or "sgi", claim.Role == SignatureRole.PartitionTable);
        Assert.InRange(claim.OffsetBytes, Math.Max(0, at - 8), at + hexadecimal.Length / 2 + 16);
        Clear(bytes, claim);
        Assert.Empty(Find(bytes));
    }

    [Theory]
    [MemberData(nameof(SeedNames))]
    public void A_seed_has_one_claimant_that_goes_with_its_marks(string name)
    {
        byte[] bytes = SeedImage.Load(name);
        SignatureClaim claim = Assert.Single(Find(bytes), static claim => claim.IsClaimant);
        Clear(bytes, claim);
        Assert.DoesNotContain(Find(bytes), left => left.Type == claim.Type);
    }

    [Fact]
    public void Every_seed_of_every_reader_has_one_claimant()
    {
        int count = 0;
        foreach (FuzzTargets.Target target in FuzzTargets.All)
        {
            foreach ((string name, SeedVolume seed) in FuzzTargets.Seeds(target))
            {
                using var volume = new SeedVolumeReader(seed);
                IReadOnlyList<SignatureClaim> claimants = SignatureScan.FindClaimants(volume);
                Assert.True(claimants.Count == 1, $"{name}: {SignatureScan.Describe(claimants)}");
                Assert.NotEmpty(claimants[0].Marks);
                count++;
            }
        }
        Assert.InRange(count, 10, 1000);
    }

    [Fact]
    public void The_second_header_of_luks_is_enough()
    {
        byte[] bytes = new byte[MiB];
        Convert.FromHexString("534B554CBABE0002").CopyTo(bytes, 0x4000);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(0x4000 + 256), 0x4000);
        SignatureClaim claim = Assert.Single(Find(bytes));
        Assert.Equal(("crypto_LUKS", 0x4000L, SignatureRole.Encrypted), (claim.Type, claim.OffsetBytes, claim.Role));
        Convert.FromHexString("4C554B53BABE0002").CopyTo(bytes, 0);
        Assert.Equal([new ByteRange(0, 6), new ByteRange(0x4000, 6)], Assert.Single(Find(bytes)).Marks);
        // A copy that lies elsewhere than it says is a file's.
        bytes[0] = 0;
        bytes[0x4000 + 262] = 1;
        Assert.Empty(Find(bytes));
    }

    [Theory]
    [InlineData("ntfs")]
    [InlineData("fat16")]
    [InlineData("fat32")]
    [InlineData("exfat")]
    public void A_boot_sector_is_not_a_partition_table(string name)
    {
        byte[] bytes = SeedImage.Load(SeedImage.Names(name).First());
        SignatureClaim claim = Assert.Single(Find(bytes), static claim => claim.IsClaimant);
        // What mkfs.vfat --mbr=y writes: an entry from the boot sector itself on.
        if (claim.Type == "vfat")
        {
            DiskImage.WriteMbr(bytes, 0, (0x0C, 0, (uint)bytes.Length / 512));
            Assert.Single(Find(bytes), static c => c.IsClaimant);
        }
        // A table that was written over it leaves the parameter block as it was.
        DiskImage.WriteMbr(bytes, 0x1234, (0x83, 64, 128));
        IReadOnlyList<SignatureClaim> claimants = [.. Find(bytes).Where(static c => c.IsClaimant)];
        Assert.Equal([claim.Type, "dos"], claimants.Select(c => c.Type));
        string text = SignatureScan.Describe(claimants);
        Assert.Contains("dos at offset 446 (1 partition)", text.Replace("UUID=00001234, ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_foreign_copy_of_a_gpt_behind_another_is_no_claimant_but_has_marks()
    {
        byte[] bytes = new byte[MiB];
        DiskImage.WriteGpt(bytes, 512, (40, 49));
        Span<byte> copy = bytes.AsSpan(bytes.Length - 512);
        copy[56] ^= 1;
        DiskImage.Seal(copy);
        IReadOnlyList<SignatureClaim> claims = Find(bytes);
        Assert.Equal([true, false], claims.Select(c => c.IsClaimant));
        Assert.Equal(bytes.Length - 512, claims[1].OffsetBytes);
    }

    [Theory]
    [InlineData("ext4", 4096 - 10, "53574150535041434532", "swap")]
    [InlineData("ext4", 65536 + 64, "5F42485266535F4D", "btrfs")]
    [InlineData("ext4", 0, "58465342" + "00001000" + "0000000000000100", "xfs")]
    public void Two_file_systems_conflict(string first, int offset, string hexadecimal, string second)
    {
        byte[] bytes = new byte[4 * MiB];
        byte[] superblock = new byte[1024];
        superblock[0x38] = 0x53;
        superblock[0x39] = 0xEF;
        superblock[0x00] = 0x80;
        superblock[0x04] = 0xC0;
        superblock[0x20] = 0xC0;
        superblock[0x28] = 0x80;
        superblock[0x4C] = 1;
        superblock[0x58] = 128;
        superblock.CopyTo(bytes, 1024);
        Convert.FromHexString(hexadecimal).CopyTo(bytes, offset);
        IReadOnlyList<SignatureClaim> claims = Find(bytes);
        Assert.Equal(2, claims.Count(c => c.IsClaimant));
        Assert.StartsWith(first.Substring(0, 3), claims[0].Type, StringComparison.Ordinal);
        Assert.Equal(second, claims[1].Type);
        using var volume = new PatchedVolume(bytes);
        Assert.IsType<ConflictingReader>(FileSystemCatalog.Probe(volume)!.Value.Reader);
    }

    private static void Clear(byte[] bytes, SignatureClaim claim)
    {
        Assert.NotEmpty(claim.Marks);
        foreach (ByteRange mark in claim.Marks)
            bytes.AsSpan((int)mark.OffsetBytes, (int)mark.LengthBytes).Clear();
    }
}
