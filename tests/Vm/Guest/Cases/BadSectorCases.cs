using System;
using System.IO;
using System.Linq;

namespace ImageBackup.Tests.Vm.Guest;

/// <summary>A volume of which the kernel cannot read some sectors: the device mapper's error target stands for a worn disk.</summary>
internal static class BadSectorCases
{
    private const string Name = "badsectors";
    private const int SectorBytes = 512;
    private const int FirstBadSector = 40_000;

    /// <summary>A page, because the page cache reads no less.</summary>
    private const int BadSectorCount = 8;

    public static void Policy()
    {
        const int sizeMiB = 64;
        string origin = GuestDisk.Make("origin", "ext4", sizeMiB);
        GuestDisk.Run("dd", "if=/dev/urandom", "of=" + origin, "bs=1M", "count=" + sizeMiB, "oflag=direct");
        byte[] expected = File.ReadAllBytes(origin);
        var bad = new ByteRange((long)FirstBadSector * SectorBytes, BadSectorCount * SectorBytes);
        Array.Clear(expected, (int)bad.OffsetBytes, (int)bad.LengthBytes);
        int behind = FirstBadSector + BadSectorCount, total = expected.Length / SectorBytes;
        string table = $"0 {FirstBadSector} linear {origin} 0\n{FirstBadSector} {BadSectorCount} error\n{behind} {total - behind} linear {origin} {behind}\n";
        string file = "/tmp/badsectors.table";
        File.WriteAllText(file, table);
        GuestDisk.Run("dmsetup", "create", Name, "--noudevrules", "--noudevsync", file);
        try
        {
            string device = "/dev/mapper/" + Name;
            using var rig = new Rig();
            int before = rig.ImageCount;
            foreach (int limit in new[] { 0, BadSectorCount - 1 })
            {
                ImageBackupException e = Expect.Throws<ImageBackupException>(() => rig.Backup(device, ImageType.Static, readErrorLimit: limit));
                Expect.Equal(ErrorId.ReadFailed, e.Id, $"The error with a limit of {limit}");
            }
            Expect.Equal(before, rig.ImageCount, "The number of images");

            ImageBackupInfo image = rig.Backup(device, ImageType.Static, readErrorLimit: BadSectorCount);
            Expect.Equal(bad, image.ReadErrors.Single(), "The range on record");
            Expect.True(image.Warnings.Count > 0, "The image does not warn.");
            Expect.True(File.ReadAllBytes(rig.RestoreToFile(image.Id)).AsSpan().SequenceEqual(expected), "The image is not the volume with zeros for what could not be read.");
        }
        finally
        {
            GuestDisk.TryRun("dmsetup", "remove", "--noudevrules", "--noudevsync", Name);
        }
    }
}
