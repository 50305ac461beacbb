using System;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Catalog;

/// <summary>Tests that change what is the whole process's; nothing else runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class SummerTimeTests
{
    /// <summary>On the last Sunday of October the clock goes from 03:00 back to 02:00: 02:50 is before the second 02:10.</summary>
    [Fact]
    public void The_hour_that_comes_twice_is_in_order()
    {
        Assert.SkipUnless(TimeZoneInfo.TryFindSystemTimeZoneById("Europe/Berlin", out _), "This machine has no time zone data.");
        string? before = Environment.GetEnvironmentVariable("TZ");
        Environment.SetEnvironmentVariable("TZ", "Europe/Berlin");
        TimeZoneInfo.ClearCachedData();
        try
        {
            Assert.SkipUnless(TimeZoneInfo.Local.BaseUtcOffset == TimeSpan.FromHours(1), "This system takes its time zone from elsewhere than TZ.");
            using var rig = new JobRig();
            DateTimeOffset first = new(2026, 10, 25, 0, 50, 0, TimeSpan.Zero), second = new(2026, 10, 25, 1, 10, 0, TimeSpan.Zero);
            Assert.True(first.LocalDateTime > second.LocalDateTime);
            string[] ids = new[] { first, second }.Select(time => rig.Repository.Files.SaveSealed(StoredKind.Snapshot, new SnapshotRecord
            {
                Time = time,
                Tree = BlobId.Of(BitConverter.GetBytes(time.Ticks)),
                Summary = ImageMetadataJson.WriteSummary(new ImageMetadata { VolumeName = "/dev/sda1", SizeBytes = 1, Start = time }),
            }.Write(), 2, rig.Repository.Sealers)).ToArray();
            var catalog = new ImageCatalog(rig.Repository);
            Assert.Equal(ids, catalog.List(new ImageFilter { IncludeInactive = true }, null, CancellationToken.None).Select(i => i.Id));
            Assert.Equal([ids[1]], catalog.List(new ImageFilter(), null, CancellationToken.None).Select(i => i.Id));
            Assert.Equal([ids[0]], catalog.List(new ImageFilter { PointInTime = first.AddMinutes(5) }, null, CancellationToken.None).Select(i => i.Id));
            Assert.Equal([ids[1]], catalog.List(new ImageFilter { PointInTime = second.AddMinutes(5) }, null, CancellationToken.None).Select(i => i.Id));
        }
        finally
        {
            Environment.SetEnvironmentVariable("TZ", before);
            TimeZoneInfo.ClearCachedData();
        }
    }
}
