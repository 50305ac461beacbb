using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup.Copy;

/// <summary>A bad disk: what is read again, what becomes zeros, what ends the backup.</summary>
public sealed class ReadErrorTests : IDisposable
{
    private const int SectorBytes = 512;
    private const string Name = "/mem/a";

    /// <summary>A probe for a file system asks for some bytes too, before the copy.</summary>
    private const int LooksAtTheVolume = 8;

    private readonly JobRig _rig = new();
    private readonly byte[] _content = JobRig.Content("ab0c", 2_000);
    private readonly MemoryVolume _volume;

    public ReadErrorTests() => _volume = _rig.Volumes.Add(Name, _content);

    public void Dispose() => _rig.Dispose();

    /// <summary>Sectors that fail as often as they are told to; -1 for ever.</summary>
    private Dictionary<long, int> FailSectors(params (long Sector, int Times)[] bad)
    {
        Dictionary<long, int> left = bad.ToDictionary(b => b.Sector, b => b.Times);
        _volume.OnRead = (offset, count) =>
        {
            for (long sector = offset / SectorBytes; sector * SectorBytes < offset + count; sector++)
            {
                lock (left)
                {
                    if (!left.TryGetValue(sector, out int times) || times == 0)
                        continue;
                    left[sector] = times - 1;
                }
                throw new BlockReadException(sector * SectorBytes, SectorBytes, "Scripted: input/output error.");
            }
        };
        return left;
    }

    private byte[] Without(params long[] sectors)
    {
        byte[] expected = (byte[])_content.Clone();
        foreach (long sector in sectors)
            expected.AsSpan((int)sector * SectorBytes, Math.Min(SectorBytes, expected.Length - (int)sector * SectorBytes)).Clear();
        return expected;
    }

    [Fact]
    public void A_sector_that_comes_at_the_second_asking_costs_nothing()
    {
        FailSectors((140, 1), (300, 1), (301, 2));
        ImageBackupInfo image = _rig.Backup(Name);
        Assert.Empty(image.ReadErrors);
        Assert.DoesNotContain(image.Warnings, w => w.Contains("the image has zeros", StringComparison.Ordinal));
        _rig.AssertRestores(image.Id, _content);
    }

    [Fact]
    public void Without_a_limit_the_first_bad_sector_ends_the_backup_and_is_named()
    {
        FailSectors((130, -1));
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Backup(Name));
        Assert.Equal(ErrorId.ReadFailed, e.Id);
        Assert.Contains($"offset {130 * SectorBytes} (512 bytes)", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, _rig.SnapshotCount);
        Assert.Equal(0, _volume.OpenCount);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void Within_the_limit_exactly_the_bad_sectors_are_zeros_and_the_image_lists_them()
    {
        // The chunk's first and last sector, two in a row over a chunk's border, one alone, and the short one at the end.
        long last = _content.Length / SectorBytes;
        long[] bad = [0, 127, 128, 200, last];
        FailSectors([.. bad.Select(s => (s, -1))]);
        ImageBackupInfo image = _rig.Backup(Name, r => r with { ReadErrorLimit = 5 });
        ByteRange[] expected =
        [
            new(0, SectorBytes), new(127 * SectorBytes, 2 * SectorBytes), new(200 * SectorBytes, SectorBytes),
            new(last * SectorBytes, _content.Length - last * SectorBytes),
        ];
        Assert.Equal(expected, image.ReadErrors);
        Assert.Contains(image.Warnings, w => w.Contains("the image has zeros", StringComparison.Ordinal));
        _rig.AssertRestores(image.Id, Without(bad));

        // The user who lists or restores it is told.
        Assert.Equal(expected, new ImageCatalog(_rig.Repository).Find(image.Id, default).ReadErrors);
        Assert.Contains(_rig.Restore(image.Id, _rig.File("out")).Warnings, w => w.Contains("could not be read", StringComparison.Ordinal));
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void One_bad_sector_more_than_the_limit_ends_the_backup()
    {
        FailSectors((3, -1), (4, -1), (300, -1));
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Backup(Name, r => r with { ReadErrorLimit = 2, ThrottleLimit = 1 }));
        Assert.Equal(ErrorId.ReadFailed, e.Id);
        // One worker: the chunks are read in order.
        Assert.Contains($"offset {300 * SectorBytes} ", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, _rig.SnapshotCount);
    }

    [Fact]
    public void Only_what_is_bad_is_read_again()
    {
        long Read()
        {
            _volume.Reads.Clear();
            _rig.Backup(Name, r => r with { ReadErrorLimit = 1, ThrottleLimit = 1 });
            return _volume.Reads.Sum(r => r.LengthBytes);
        }

        // Who is on the volume is read as well, of both.
        long healthyBytes = Read();
        FailSectors((130, -1));
        // A chunk of 128 sectors is halved seven times: each level reads its good half once.
        Assert.InRange(Read(), _content.Length - SectorBytes, healthyBytes + 4L * JobRig.ChunkBytes);
    }

    [Fact]
    public void A_device_that_vanishes_is_a_failed_image_whatever_the_limit()
    {
        int failed = 0;
        _volume.OnRead = (offset, _) =>
        {
            if (offset < JobRig.ChunkBytes)
                return;
            Interlocked.Increment(ref failed);
            // As a disk that was pulled out: the same error everywhere, and no length any more.
            _volume.LengthLater = 0;
            throw new BlockReadException(offset, 1, "Scripted: input/output error.");
        };
        JobRig.AssertFails(ErrorId.VolumeChanged, () => _rig.Backup(Name, r => r with { ReadErrorLimit = long.MaxValue }));
        Assert.Equal(0, _rig.SnapshotCount);
        // Down to one sector and no further: 128 sectors of a chunk are halved seven times, the one is asked for twice more. Sector
        // by sector it would be hundreds, and a day on a large disk. Each worker may have a read of its own under way.
        Assert.InRange(failed, 1, 1 + 7 + 2 + LooksAtTheVolume + Environment.ProcessorCount);
    }

    [Fact]
    public void An_error_that_says_the_device_is_gone_is_not_asked_again()
    {
        int asked = 0;
        _volume.OnRead = (offset, count) =>
        {
            // Not the look at the file system, which comes before and asks for less.
            if (offset >= JobRig.ChunkBytes && count == JobRig.ChunkBytes)
            {
                Interlocked.Increment(ref asked);
                throw new BlockReadException(offset, 1, "Scripted: no such device.") { IsGone = true };
            }
        };
        JobRig.AssertFails(ErrorId.VolumeChanged, () => _rig.Backup(Name, r => r with { ReadErrorLimit = long.MaxValue }));
        // Each worker may have a read of its own under way.
        Assert.InRange(asked, 1, 1 + Environment.ProcessorCount);
    }
}
