using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.FileSystems;
using ImageBackup.Engine.FileSystems.Ntfs;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Planning;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.FileSystems;
using ImageBackup.Tests.Kits.Storage;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup.Map;

/// <summary>Which map a backup takes, and what it says when it takes none.</summary>
public sealed class UsedMapTests : IDisposable
{
    private const string Volume = "/mem/a";

    private readonly JobRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void A_damaged_superblock_means_whole_and_says_why()
    {
        byte[] content = Seed("ext4-1k");
        Assert.Equal("ext4", Backup(content).UsedMapSource);
        content[1024 + 0x258] ^= 1; // Under the checksum, and of no meaning to the map.
        ImageBackupInfo image = Backup(content);
        Assert.Equal((null, image.SizeBytes), (image.UsedMapSource, image.UsedBytes));
        string warning = Assert.Single(image.Warnings);
        Assert.Contains("stored whole", warning, StringComparison.Ordinal);
        Assert.Contains("checksum", warning, StringComparison.Ordinal);
        _rig.AssertRestores(image.Id, content);
    }

    [Fact]
    public void A_map_that_cannot_be_read_means_whole_and_says_where()
    {
        byte[] content = SeedImage.Load("ntfs");
        MemoryVolume volume = _rig.Volumes.Add(Volume, content);
        bool isBroken = true;
        volume.OnRead = (_, _) =>
        {
            // The code that asks beforehand what the volume is has no part in this.
            if (!isBroken || _rig.Volumes.Opened.Last().Mode == VolumeOpenMode.Probe)
                return;
            isBroken = false;
            throw new BlockReadException(77, 512, "bad sector");
        };
        ImageBackupInfo image = _rig.Backup(Volume);
        Assert.Null(image.UsedMapSource);
        Assert.Contains("offset 77", Assert.Single(image.Warnings), StringComparison.Ordinal);
        volume.OnRead = null;
        _rig.AssertRestores(image.Id, content);
    }

    [Fact]
    public void An_encrypted_volume_is_whole_and_said_to_be()
    {
        byte[] content = Seed("luks");
        ImageBackupInfo image = Backup(content);
        Assert.Equal(("crypto_LUKS", null, image.SizeBytes), (image.FileSystem, image.UsedMapSource, image.UsedBytes));
        Assert.Contains("encrypted (crypto_LUKS)", Assert.Single(image.Warnings), StringComparison.Ordinal);
        Assert.Empty(Backup(content, r => r with { GapSizeBytes = 0 }).Warnings);
    }

    [Fact]
    public void A_content_that_nobody_knows_is_whole_and_said_to_be()
    {
        byte[] content = SeededBytes.Make(5, 1 << 20);
        Assert.Contains(OtherWarnings.UnknownContent, Assert.Single(Backup(content).Warnings), StringComparison.Ordinal);
        Assert.Empty(Backup(content, r => r with { GapSizeBytes = 0 }).Warnings);
        DiskImage.WriteGpt(content, 512, (40, 49));
        ImageBackupInfo image = Backup(content);
        Assert.Equal((null, image.SizeBytes), (image.FileSystem, image.UsedBytes));
        Assert.Contains("partition table (gpt at offset 446", Assert.Single(image.Warnings), StringComparison.Ordinal);
    }

    /// <summary>A dead swap area, and a table over it: by the dead one's map a page would be stored.</summary>
    [Fact]
    public void Two_claimants_mean_whole_and_both_are_named()
    {
        byte[] content = Seed("swap");
        DiskImage.WriteMbr(content, 0x1234, (0x83, 64, 64));
        ImageBackupInfo image = Backup(content);
        Assert.Equal((null, image.SizeBytes), (image.UsedMapSource, image.UsedBytes));
        string warning = Assert.Single(image.Warnings);
        Assert.StartsWith("SignaturesConflict: ", warning, StringComparison.Ordinal);
        Assert.Contains("swap at offset ", warning, StringComparison.Ordinal);
        Assert.Contains("dos at offset 446", warning, StringComparison.Ordinal);
        ImageBackupInfo listed = new ImageCatalog(_rig.Repository).List(new ImageFilter(), null, CancellationToken.None).Single(i => i.Id == image.Id);
        Assert.Equal(image.Warnings, listed.Warnings);
        _rig.AssertRestores(image.Id, content);
        Assert.Equal(warning, Assert.Single(Backup(content, r => r with { GapSizeBytes = 0 }).Warnings));
    }

    [Fact]
    public void Of_swap_only_the_header_is_stored()
    {
        byte[] content = Seed("swap");
        SeededBytes.Make(3, content.Length - 4096).CopyTo(content, 4096);
        ImageBackupInfo image = Backup(content);
        Assert.Equal(("swap", "swap", 4096L), (image.FileSystem, image.UsedMapSource, image.UsedBytes));
        Assert.Empty(image.Warnings);
        byte[] expected = new byte[content.Length];
        Array.Copy(content, expected, 4096);
        _rig.Restore(image.Id, _rig.File("swap.img"));
        Assert.Equal(expected, File.ReadAllBytes(_rig.File("swap.img")));
    }

    [Fact]
    public void Files_that_nobody_misses_are_left_out_and_listed()
    {
        byte[] content = SeedImage.Load("ntfs");
        using var reader = new PatchedVolume(content);
        IReadOnlyList<OmittedFile> files = new NtfsReader().FindOmittedFiles(reader, isFlushed: false, CancellationToken.None);
        ImageBackupInfo kept = Backup(content, r => r with { GapSizeBytes = 512, IncludePageFile = true });
        ImageBackupInfo image = Backup(content, r => r with { GapSizeBytes = 512 });
        Assert.Empty(kept.Omitted);
        Assert.Equal(files.Select(f => f.Path), image.Omitted.Select(f => f.Path));
        Assert.Equal((9 + 30 + 49) << 10, image.Omitted.Sum(f => f.SizeBytes));
        Assert.Equal(kept.UsedBytes - image.UsedBytes, image.Omitted.Sum(f => f.SizeBytes));
        Assert.All(image.Omitted, f => Assert.NotEmpty(f.Reason));
        ImageBackupInfo listed = new ImageCatalog(_rig.Repository).List(new ImageFilter(), null, CancellationToken.None).Single(i => i.Id == image.Id);
        Assert.Equal(image.Omitted, listed.Omitted);

        _rig.Restore(kept.Id, _rig.File("kept.img"));
        _rig.Restore(image.Id, _rig.File("image.img"));
        byte[] expected = File.ReadAllBytes(_rig.File("kept.img"));
        foreach (ByteRange range in files.SelectMany(f => f.Ranges))
            Array.Clear(expected, (int)range.OffsetBytes, (int)range.LengthBytes);
        Assert.Equal(expected, File.ReadAllBytes(_rig.File("image.img")));

        // What the gap rule keeps is not called left out.
        Assert.Empty(Backup(content, r => r with { GapSizeBytes = 0 }).Omitted);
        ImageBackupInfo merged = Backup(content, r => r with { GapSizeBytes = 1 << 30 });
        Assert.True(merged.Omitted.Sum(f => f.SizeBytes) < image.Omitted.Sum(f => f.SizeBytes));
    }

    [Theory]
    [InlineData(true, null, true)]
    [InlineData(true, "ntfs", true)]
    [InlineData(true, "fuseblk", false)]
    [InlineData(false, "ntfs", false)]
    public void An_open_journal_is_no_doubt_after_a_flush(bool isFlushed, string? mountedAs, bool isMapped)
    {
        byte[] content = SeedImage.Load("ntfs");
        OpenJournal(content);
        MemoryVolume volume = _rig.Volumes.Add(Volume, content, d => d with { MountPoints = ["/mnt"], MountedFileSystem = mountedAs });
        volume.IsFlushed = isFlushed;
        ImageBackupInfo image = _rig.Backup(Volume, r => r with { ImageType = ImageType.Dynamic });
        Assert.Equal(isMapped ? "ntfs" : null, image.UsedMapSource);
        Assert.Equal(isMapped, image.Warnings.Any(w => w.Contains("came into use after its map was read", StringComparison.Ordinal)));
        Assert.Equal(!isMapped, image.Warnings.Any(w => w.Contains("stored whole", StringComparison.Ordinal)));
        // The same bytes quiesced: nobody can vouch for them.
        volume.Description = volume.Description with { MountPoints = [], MountedFileSystem = null };
        Assert.Null(_rig.Backup(Volume).UsedMapSource);
    }

    [Fact]
    public void A_mounted_volume_is_asked_first()
    {
        byte[] content = SeedImage.Load("ntfs");
        MemoryVolume volume = _rig.Volumes.Add(Volume, content, d => d with { MountPoints = ["D:\\"], MountedFileSystem = "NTFS" });
        volume.IsFlushed = true;
        VolumeBitmap own = Own(content.Length, 0x0F);
        volume.OwnMap = () => own;
        ImageBackupInfo image = _rig.Backup(Volume, r => r with { GapSizeBytes = 512, IncludePageFile = true, ImageType = ImageType.Dynamic });
        Assert.Equal("windows", image.UsedMapSource);
        long clusters = own.ClusterCount;
        Assert.Equal((content.Length - clusters * 1024) + 1024 * Enumerable.Range(0, (int)clusters).Count(c => (0x0F >> (c % 8) & 1) != 0), image.UsedBytes);

        // Quiesced, the structures are read, and also if the answer breaks off or does not fit.
        volume.OwnMap = () => own with { Pages = Break(own.Pages) };
        Assert.Equal("ntfs", Live().UsedMapSource);
        volume.OwnMap = () => own with { ClusterCount = own.ClusterCount + 1000 };
        Assert.Equal("ntfs", Live().UsedMapSource);
        volume.OwnMap = () => own with { Pages = own.Pages.Skip(1) };
        Assert.Equal("ntfs", Live().UsedMapSource);
        volume.OwnMap = () => own with { Pages = own.Pages.Take(1) };
        Assert.Equal("ntfs", Live().UsedMapSource);
        volume.OwnMap = () => null;
        Assert.Equal("ntfs", Live().UsedMapSource);
        volume.OwnMap = () => throw new InvalidOperationException("asked although it is quiesced");
        volume.Description = volume.Description with { MountPoints = [] };
        Assert.Equal("ntfs", _rig.Backup(Volume).UsedMapSource);
    }

    private ImageBackupInfo Live() => _rig.Backup(Volume, r => r with { ImageType = ImageType.Dynamic });

    [Fact]
    public void Only_file_systems_whose_drivers_are_known_are_asked()
    {
        MemoryVolume volume = _rig.Volumes.Add(Volume, Seed("ext4-1k"), d => d with { MountPoints = ["/mnt"] });
        volume.IsFlushed = true;
        volume.OwnMap = () => throw new InvalidOperationException("asked");
        Assert.Equal("ext4", Live().UsedMapSource);
    }

    /// <summary>What comes into use between the flush and the data is fuzzy: nothing slow may lie between them.</summary>
    [Fact]
    public void The_repository_is_read_before_the_volume_is_opened()
    {
        MemoryVolume volume = _rig.Volumes.Add(Volume, SeedImage.Load("ntfs"));
        _rig.Backup(Volume);
        _rig.Storage.Reset();
        int IndexLoads() => _rig.Storage.Calls.Count(c => c is { Kind: StoredKind.Index, Operation: StorageOperation.Load });
        int before = -1;
        volume.OnRead = (_, _) => before = before < 0 && _rig.Volumes.Opened.Last().Mode != VolumeOpenMode.Probe ? IndexLoads() : before;
        _rig.Backup(Volume);
        Assert.True(before > 0);
        Assert.Equal(before, IndexLoads());
    }

    [Fact]
    public void A_mounted_file_system_that_nobody_here_knows_is_named()
    {
        _rig.Volumes.Add(Volume, SeededBytes.Make(1, 1 << 20), d => d with { MountPoints = ["/mnt"], MountedFileSystem = "novelfs" });
        Assert.Contains(_rig.Backup(Volume).Warnings, w => w.Contains("novelfs", StringComparison.Ordinal));
    }

    [Fact]
    public void What_the_probe_found_is_in_the_image()
    {
        byte[] content = SeedImage.Load("ntfs");
        ImageBackupInfo image = Backup(content);
        using var reader = new PatchedVolume(content);
        FileSystemDescription probe = new NtfsReader().Probe(reader)!;
        Assert.Equal((probe.Type, probe.Label, probe.Uuid), (image.FileSystem, image.Label, image.Uuid));
        Assert.Equal((probe.ClusterSizeBytes, probe.UsedBytes, probe.IsClean), (image.ClusterSizeBytes, image.FileSystemUsedBytes, image.IsClean));
        Assert.Equal((1024, true, 32768L), (image.ClusterSizeBytes, image.IsClean, image.GapSizeBytes));
        ImageVolume listed = new VolumeInventory(_rig.Volumes).Resolve(Volume, CancellationToken.None);
        Assert.Equal((probe.Type, probe.Label, probe.Uuid, probe.ClusterSizeBytes, probe.UsedBytes, probe.IsClean),
            (listed.FileSystem, listed.Label, listed.Uuid, listed.ClusterSizeBytes, listed.UsedBytes, listed.IsClean));
    }

    private ImageBackupInfo Backup(byte[] content, Func<BackupRequest, BackupRequest>? change = null)
    {
        _rig.Volumes.Add(Volume, content);
        return _rig.Backup(Volume, change);
    }

    private static byte[] Seed(string name)
    {
        using var reader = new SeedVolumeReader(SeedVolume.Load(Path.Combine(AppContext.BaseDirectory, "Fixtures", "FileSystems", name + ".seed")));
        byte[] content = new byte[reader.LengthBytes];
        reader.ReadAt(0, content);
        return content;
    }

    /// <summary>Clusters of 1 KiB in three pages, every byte of the bitmap the same.</summary>
    private static VolumeBitmap Own(long volumeBytes, byte bits)
    {
        long count = volumeBytes / 1024 - 1;
        byte[] all = new byte[(count + 7) / 8];
        Array.Fill(all, bits);
        return new VolumeBitmap
        {
            Source = "windows",
            ClusterSizeBytes = 1024,
            FirstClusterOffsetBytes = 0,
            ClusterCount = count,
            Pages = [new UsedMapPage(0, 64, all[..8]), new UsedMapPage(64, 128, all[..16]), new UsedMapPage(192, count - 192, all[24..])],
        };
    }

    private static IEnumerable<UsedMapPage> Break(IEnumerable<UsedMapPage> pages)
    {
        yield return pages.First();
        throw new BlockReadException(0, 0, "gone");
    }

    /// <summary>The seed's journal is erased (0xFF), which counts as closed: any other content does not.</summary>
    private static void OpenJournal(byte[] content)
    {
        byte[] erased = new byte[8192];
        Array.Fill(erased, (byte)0xFF);
        int at = content.AsSpan().IndexOf(erased);
        Assert.True(at > 0 && at % 512 == 0);
        content[at] = 0;
    }
}
