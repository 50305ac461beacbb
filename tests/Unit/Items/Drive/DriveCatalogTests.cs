using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using ImageBackup.Engine.Items.Drive;
using Xunit;

namespace ImageBackup.Tests.Unit.Items.Drive;

/// <summary>Computers, volumes and images have names of their own, which mean the same whatever comes or goes.</summary>
public sealed class DriveCatalogTests
{
    private static int s_count;

    private static ImageBackupInfo Image(string volume, string time, string volumeId = "v", string computer = "server", TimeSpan? offset = null)
    {
        var recorded = new DateTimeOffset(DateTime.Parse(time, CultureInfo.InvariantCulture), offset ?? TimeSpan.Zero);
        return new ImageBackupInfo
        {
            Id = (++s_count).ToString("x8", CultureInfo.InvariantCulture) + new string('0', 56),
            Volume = volume,
            VolumeId = volumeId,
            ComputerName = computer,
            BackupTime = recorded.LocalDateTime,
            RecordedTime = recorded,
            SizeBytes = 1,
        };
    }

    private static DriveVolume Volume(DriveCatalog catalog, string name) => DriveCatalog.FindVolume(catalog.FindComputer("server")!, name)!;

    private static string[] Names(DriveCatalog catalog) => [.. catalog.Computers.SelectMany(c => c.Volumes.SelectMany(v => v.Images.Select(i => $"{c.PathName}/{v.PathName}/{i.PathName}")))];

    [Fact]
    public void A_name_is_the_minute_by_the_clock_of_its_computer()
    {
        DriveCatalog catalog = DriveCatalog.Of([Image("/dev/sda1", "2026-11-26T03:00:59", offset: TimeSpan.FromHours(9)), Image("C:", "2026-11-26T03:00:00", "c", "PC 1")]);
        Assert.Equal(["PC 1/C/2026-11-26T0300", "server/sda1/2026-11-26T0300"], Names(catalog));
    }

    [Fact]
    public void Images_of_one_minute_get_their_ids_and_keep_what_those_mean()
    {
        ImageBackupInfo first = Image("/dev/sda1", "2026-11-26T03:00:00"), second = Image("/dev/sda1", "2026-11-26T03:00:30");
        DriveCatalog both = DriveCatalog.Of([first, second]);
        Assert.Equal([$"server/sda1/2026-11-26T0300-{first.ShortId}", $"server/sda1/2026-11-26T0300-{second.ShortId}"], Names(both));
        DriveCatalog alone = DriveCatalog.Of([first]);
        Assert.Equal(["server/sda1/2026-11-26T0300"], Names(alone));
        foreach (DriveCatalog catalog in new[] { both, alone })
            Assert.Equal(first.Id, DriveCatalog.FindImage(Volume(catalog, "sda1"), $"2026-11-26T0300-{first.ShortId}")!.Info.Id);
        // The time alone is the newest, and so is "latest".
        Assert.Equal(second.Id, DriveCatalog.FindImage(Volume(both, "sda1"), "2026-11-26T0300")!.Info.Id);
        Assert.Equal(second.Id, DriveCatalog.FindImage(Volume(both, "sda1"), "latest")!.Info.Id);
        Assert.Null(DriveCatalog.FindImage(Volume(both, "sda1"), "2026-11-26T0301"));
    }

    [Fact]
    public void Volumes_of_one_name_get_hashes_and_keep_what_those_mean()
    {
        ImageBackupInfo old = Image("/dev/sdb1", "2026-01-01T00:00:00", "disk one"), now = Image("/dev/sdb1", "2026-06-01T00:00:00", "disk two"), other = Image("sdb1", "2026-03-01T00:00:00", "a file");
        DriveCatalog all = DriveCatalog.Of([old, other, now]);
        string[] names = [.. all.Computers.Single().Volumes.Select(v => v.PathName)];
        Assert.Equal(3, names.Distinct().Count());
        Assert.All(names, name => Assert.Matches("^sdb1-[0-9a-f]{8}$", name));
        foreach (DriveVolume volume in all.Computers.Single().Volumes)
        {
            // Alone it has the short name, and the long one means it all the same.
            DriveCatalog alone = DriveCatalog.Of([.. volume.Images.Select(image => image.Info)]);
            Assert.Equal("sdb1", alone.Computers.Single().Volumes.Single().PathName);
            Assert.Equal(volume.VolumeId, Volume(alone, volume.PathName).VolumeId);
            Assert.Equal(volume.VolumeId, Volume(all, volume.PathName).VolumeId);
        }
        // The name alone is the one with the newest image; the name as it was recorded is that.
        Assert.Equal("disk two", Volume(all, "sdb1").VolumeId);
        Assert.Equal("disk two", Volume(all, "%2Fdev%2Fsdb1").VolumeId);
        Assert.Null(DriveCatalog.FindVolume(all.Computers.Single(), "sdc1"));
    }

    [Fact]
    public void A_volume_that_is_called_as_anothers_long_name_is_told_apart()
    {
        ImageBackupInfo one = Image("/dev/a", "2026-01-01T00:00:00", "1"), two = Image("/dev/a", "2026-01-02T00:00:00", "2");
        string taken = DriveCatalog.Of([one, two]).Computers.Single().Volumes[0].PathName;
        DriveCatalog catalog = DriveCatalog.Of([one, two, Image("/dev/" + taken, "2026-01-03T00:00:00", "3")]);
        Assert.Equal(3, catalog.Computers.Single().Volumes.Select(v => v.PathName).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        foreach (DriveVolume volume in catalog.Computers.Single().Volumes)
            Assert.Same(volume, DriveCatalog.FindVolume(catalog.Computers.Single(), volume.PathName));
    }

    [Fact]
    public void Computers_are_one_in_any_case_and_an_impossible_time_is_not_the_latest()
    {
        ImageBackupInfo sound = Image("C:", "2026-01-01T00:00:00", computer: "SERVER");
        DriveCatalog catalog = DriveCatalog.Of([sound, Image("C:", "2099-01-01T00:00:00", computer: "server") with { IsTimeImpossible = true }]);
        Assert.Equal("server", Assert.Single(catalog.Computers).PathName);
        Assert.Equal(sound.Id, DriveCatalog.FindImage(Volume(catalog, "c"), "LATEST")!.Info.Id);
    }
}
