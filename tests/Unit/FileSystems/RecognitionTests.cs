using System;
using System.Buffers.Binary;
using System.Threading;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.BitLocker;
using ImageBackup.Engine.FileSystems.ReFs;
using ImageBackup.Tests.Kits.FileSystems;
using Xunit;

namespace ImageBackup.Tests.Unit.FileSystems;

/// <summary>Volumes that are known by name only, and volumes that nobody can tell.</summary>
public sealed class RecognitionTests
{
    [Theory]
    [InlineData(0x52, "Vista")]
    [InlineData(0x58, "7")]
    public void BitLocker(byte jump, string version)
    {
        var bytes = new byte[1 << 16];
        bytes[0] = 0xEB;
        bytes[1] = jump;
        "-FVE-FS-"u8.CopyTo(bytes.AsSpan(3));
        IsBitLocker(new PatchedVolume(bytes), version);
    }

    [Fact]
    public void BitLockerToGoInTheClothesOfFat()
    {
        byte[] bytes = SeedImage.Load("fat32");
        "MSWIN4.1"u8.CopyTo(bytes.AsSpan(3));
        Assert.Equal("vfat", FileSystemCatalog.Probe(new PatchedVolume(bytes))!.Value.Description.Type);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(440), 0x10000);
        "-FVE-FS-"u8.CopyTo(bytes.AsSpan(0x10000));
        IsBitLocker(new PatchedVolume(bytes), "To Go");
    }

    [Fact]
    public void ReFs()
    {
        // The published example of a boot sector of version 1.2.
        byte[] bytes = Convert.FromHexString(
            "00000052654653000000000000000000" + "46535253" + "0002FFDD" + "0000383A00000000"
            + "00020000800000000102000000000000" + "000000000000000028E86F9409709418").AsSpan().ToArray();
        Array.Resize(ref bytes, 4096);
        var volume = new PatchedVolume(bytes);
        (IFileSystemReader reader, FileSystemDescription description) = FileSystemCatalog.Probe(volume)!.Value;
        Assert.IsType<ReFsReader>(reader);
        Assert.Equal(("ReFS", "1.2", "18947009946FE828", 65536, 0x3A380000L * 512),
            (description.Type, description.Version, description.Uuid, description.ClusterSizeBytes, description.SizeBytes));
        Assert.Throws<FileSystemFormatException>(() => reader.ReadUsedRanges(volume, CancellationToken.None));
    }

    [Fact]
    public void TheMarksOfTwoFileSystems()
    {
        byte[] bytes = SeedImage.Load("ntfs");
        // What is left of an XFS superblock lies in the first sector too, so take ext's at 1024, in NTFS' boot code.
        byte[] superblock = new byte[1024];
        superblock[0x38] = 0x53;
        superblock[0x39] = 0xEF;
        superblock[0x00] = 0x80; // inodes
        superblock[0x04] = 0xC0; // blocks
        superblock[0x20] = 0xC0; // blocks in a group
        superblock[0x28] = 0x80; // inodes in a group
        superblock[0x4C] = 1;
        superblock[0x58] = 128;
        superblock.CopyTo(bytes, 1024);
        var volume = new PatchedVolume(bytes);
        (IFileSystemReader reader, FileSystemDescription description) = FileSystemCatalog.Probe(volume)!.Value;
        Assert.StartsWith("ext", description.Type, StringComparison.Ordinal);
        FileSystemFormatException refused = Assert.Throws<FileSystemFormatException>(() => reader.ReadUsedRanges(volume, CancellationToken.None));
        Assert.Contains(" and ntfs at offset 3", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NothingThatIsKnown()
    {
        var random = new byte[1 << 20];
        new Random(3).NextBytes(random);
        Assert.Null(FileSystemCatalog.Probe(new PatchedVolume(random)));
        Assert.Null(FileSystemCatalog.Probe(new PatchedVolume(new byte[1 << 20])));
        Assert.Null(FileSystemCatalog.Probe(new PatchedVolume([])));
        Assert.Null(FileSystemCatalog.Probe(new PatchedVolume(new byte[511])));
    }

    private static void IsBitLocker(PatchedVolume volume, string version)
    {
        (IFileSystemReader reader, FileSystemDescription description) = FileSystemCatalog.Probe(volume)!.Value;
        Assert.IsType<BitLockerReader>(reader);
        Assert.Equal(("BitLocker", version, true), (description.Type, description.Version, description.IsEncrypted));
        Assert.Throws<FileSystemFormatException>(() => reader.ReadUsedRanges(volume, CancellationToken.None));
    }
}
