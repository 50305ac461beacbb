using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Packs;
using ImageBackup.Engine.Restore;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Volumes;
using ImageBackup.Tests.Unit.Backup;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Restore;

public sealed class RestoreJobTests : IDisposable
{
    private const int Chunk = JobRig.ChunkBytes;

    private readonly JobRig _rig = new();
    private readonly byte[] _content = JobRig.Content("abc00de0a", 12_345);
    private readonly ImageBackupInfo _image;

    public RestoreJobTests()
    {
        _rig.Volumes.Add("/mem/a", _content);
        _image = _rig.Backup("/mem/a");
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void To_a_new_file()
    {
        RestoreResult result = _rig.Restore(_image.Id, _rig.File("out"), r => r with { VerifyTarget = true });
        Assert.Equal(_content, File.ReadAllBytes(_rig.File("out")));
        Assert.Equal((_content.Length, true, _rig.File("out")), ((int)result.SizeBytes, result.Verified ?? false, result.Destination));
        Assert.Equal((6 * Chunk + 12_345, 3 * Chunk, 0), ((int)result.WrittenBytes, (int)result.ZeroBytes, (int)result.SkippedBytes));
        Assert.Empty(result.Warnings);
        Assert.Equal([_rig.File("out")], Directory.GetFileSystemEntries(Path.GetDirectoryName(_rig.File("out"))!));
    }

    [Fact]
    public void What_a_prune_moved_between_the_check_and_the_lock_is_looked_for_again()
    {
        // It shares two chunks with the image before, whose pack is written anew once that one is gone.
        byte[] content = JobRig.Content("abzy", 777);
        _rig.Volumes.Add("/mem/b", content);
        string id = _rig.Backup("/mem/b").Id;
        var job = new RestoreJob(_rig.Repository, _rig.Volumes);
        var request = new RestoreRequest { ImageId = id, Destination = _rig.File("out") };
        job.Check(request, CancellationToken.None);
        _rig.Repository.Files.Delete(StoredKind.Snapshot, _image.Id);
        Assert.True(_rig.Repository.Optimize(UnusedLimit.Percent(0), isPlan: false, null, CancellationToken.None).RepackedPackCount > 0);
        job.Run(request, null, CancellationToken.None);
        Assert.Equal(content, File.ReadAllBytes(_rig.File("out")));
        // And again, by what the check before has left.
        job.Run(request with { ReplaceFile = true }, null, CancellationToken.None);
        Assert.Equal(content, File.ReadAllBytes(_rig.File("out")));
    }

    [Fact]
    public void A_file_that_exists_is_left_alone_unless_it_may_be_replaced()
    {
        File.WriteAllText(_rig.File("out"), "precious");
        JobRig.AssertFails(ErrorId.TargetExists, () => _rig.Restore(_image.Id, _rig.File("out")));
        Assert.Equal("precious", File.ReadAllText(_rig.File("out")));
        _rig.Restore(_image.Id, _rig.File("out"), r => r with { ReplaceFile = true });
        Assert.Equal(_content, File.ReadAllBytes(_rig.File("out")));
    }

    [Theory]
    [InlineData("no-such-directory/out", ErrorId.TargetInvalid)]
    [InlineData(".", ErrorId.TargetInvalid)]
    [InlineData("", ErrorId.TargetInvalid)]
    [InlineData("a\0b", ErrorId.TargetInvalid)]
    [InlineData("/dev/no-such-device", ErrorId.VolumeNotFound)]
    public void A_destination_that_is_none(string destination, ErrorId id)
    {
        string path = destination.Length == 0 || destination[0] == '/' ? destination : _rig.File(destination);
        JobRig.AssertFails(id, () => _rig.Restore(_image.Id, path));
    }

    [Fact]
    public void Never_into_the_repository()
    {
        using var directory = new TemporaryDirectory();
        using ImageBackup.Engine.Repository.ImageRepository repository = TestRepository.Create(directory["repo"]);
        string id = new BackupJob(repository, _rig.Volumes).Run(new BackupRequest { Volume = _rig.Volumes.Find("/mem/a") }, null, CancellationToken.None).Id;
        var names = new List<string> { "repo/out", "repo/data/out", "repo/config", "x/../repo/out" };
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateSymbolicLink(directory["link"], directory["repo"]);
            names.AddRange(["link/out", "link/config", "link/data/out"]);
        }
        foreach (string path in names)
        {
            JobRig.AssertFails(ErrorId.TargetHoldsRepository, () => new RestoreJob(repository, _rig.Volumes).Run(
                new RestoreRequest { ImageId = id, Destination = directory[path], ReplaceFile = true }, null, CancellationToken.None));
        }
        new RestoreJob(repository, _rig.Volumes).Run(new RestoreRequest { ImageId = id, Destination = directory["repo-out"] }, null, CancellationToken.None);
        Assert.Equal(_content, File.ReadAllBytes(directory["repo-out"]));
        TestRepository.AssertHealthy(repository);
    }

    [Fact]
    public void Onto_a_device_of_the_same_size_or_larger()
    {
        _rig.AssertRestores(_image.Id, _content);
        MemoryVolume larger = _rig.Volumes.Add("/mem/larger", SeededBytes.Make(5, _content.Length + 5000));
        RestoreResult result = _rig.Restore(_image.Id, "/mem/larger", r => r with { VerifyTarget = true });
        Assert.Equal(_content, larger.Content[..^5000]);
        Assert.Equal(SeededBytes.Make(5, _content.Length + 5000)[^5000..], larger.Content[^5000..]);
        Assert.True(larger.FlushCount > 0);
        Assert.True(larger.DropCount > 0);
        Assert.True(result.Verified);
    }

    [Fact]
    public void Refusals_come_before_the_first_byte()
    {
        byte[] noise = SeededBytes.Make(5, _content.Length);
        void Refused(ErrorId id, Func<ImageBackup.VolumeDescription, ImageBackup.VolumeDescription> change, byte[]? content = null)
        {
            byte[] before = content ?? noise;
            MemoryVolume target = _rig.Volumes.Add("/mem/t", (byte[])before.Clone(), change);
            ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(_image.Id, "/mem/t"));
            Assert.Equal(id, e.Id);
            Assert.Equal(before, target.Content);
            Assert.Empty(target.Writes);
            Assert.Equal(0, target.OpenCount);
            if (id == ErrorId.TargetTooSmall)
            {
                Assert.Contains($"{_content.Length}", e.Message, StringComparison.Ordinal);
                Assert.Contains($"{before.Length}", e.Message, StringComparison.Ordinal);
            }
        }

        Refused(ErrorId.TargetTooSmall, d => d, noise[..^1]);
        // A description that lies is found out on the handle.
        Refused(ErrorId.TargetTooSmall, d => d with { SizeBytes = 1 << 30 }, noise[..^1]);
        Refused(ErrorId.TargetMounted, d => d with { MountPoints = ["/mnt"] });
        Refused(ErrorId.TargetInUse, d => d with { Holders = ["/dev/dm-0"] });
        Refused(ErrorId.TargetIsSystem, d => d with { IsSystem = true, MountPoints = ["/"] });
        Refused(ErrorId.TargetInvalid, d => d with { IsReadOnly = true });
        _rig.Volumes.UnderEverything = ["/dev/md0", "/mem/t"];
        Refused(ErrorId.TargetHoldsRepository, d => d with { MountPoints = ["/mnt"] });
    }

    [Fact]
    public void Unknown_ids()
    {
        JobRig.AssertFails(ErrorId.ImageNotFound, () => _rig.Restore(new string('0', 64), _rig.File("out")));
        JobRig.AssertFails(ErrorId.ImageNotFound, () => _rig.Restore("nonsense", _rig.File("out")));
        Assert.False(File.Exists(_rig.File("out")));
    }

    [Fact]
    public void Checking_writes_nothing()
    {
        Assert.Equal(_image.Id, new RestoreJob(_rig.Repository, _rig.Volumes).Check(new RestoreRequest { ImageId = _image.Id, Destination = _rig.File("out") }, CancellationToken.None).Image.Id);
        Assert.False(File.Exists(_rig.File("out")));
    }

    [Fact]
    public void Skipping_what_is_unchanged_writes_only_what_differs()
    {
        byte[] target = (byte[])_content.Clone();
        target[2 * Chunk + 5] ^= 1; // a data chunk
        target[3 * Chunk + 7] = 9; // a zero chunk
        target[^1] ^= 1; // the tail
        MemoryVolume volume = _rig.Volumes.Add("/mem/t", target);
        RestoreResult result = _rig.Restore(_image.Id, "/mem/t", r => r with { SkipUnchanged = true });
        Assert.Equal(_content, volume.Content);
        Assert.Equal([2L * Chunk, 3L * Chunk, 9L * Chunk], volume.Writes.Select(w => w.OffsetBytes / Chunk * Chunk).Distinct().Order());
        Assert.Equal(_content.Length - 2 * Chunk - 12_345, result.SkippedBytes);
        volume.Writes.Clear();
        result = _rig.Restore(_image.Id, "/mem/t", r => r with { SkipUnchanged = true, VerifyTarget = true });
        Assert.Empty(volume.Writes);
        Assert.Equal((0L, 0L, (long)_content.Length), (result.WrittenBytes, result.ZeroBytes, result.SkippedBytes));
    }

    [Fact]
    public void A_restore_that_was_cut_short_is_resumed()
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/t", SeededBytes.Make(3, _content.Length));
        volume.OnWrite = (offset, count) =>
        {
            if (offset >= 5 * Chunk)
                throw new BlockWriteException(offset, count, "the disk went away");
        };
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(_image.Id, "/mem/t", r => r with { ThrottleLimit = 1 }));
        Assert.Equal(ErrorId.WriteFailed, e.Id);
        Assert.Contains("'/mem/t' could not be written at offset ", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, volume.OpenCount);
        volume.OnWrite = null;
        var written = volume.Writes.ToList();
        Assert.NotEmpty(written);
        volume.Writes.Clear();
        RestoreResult result = _rig.Restore(_image.Id, "/mem/t", r => r with { SkipUnchanged = true });
        Assert.Equal(_content, volume.Content);
        Assert.Empty(volume.Writes.Intersect(written));
        Assert.Equal(written.Sum(w => w.LengthBytes), result.SkippedBytes);
    }

    [Fact]
    public void Nothing_is_written_after_a_write_that_failed()
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/t", SeededBytes.Make(3, _content.Length));
        int failures = 0;
        volume.OnWrite = (offset, count) =>
        {
            if (Interlocked.Increment(ref failures) == 1)
                throw new BlockWriteException(offset, count, "full") { IsSpaceExhausted = true };
        };
        JobRig.AssertFails(ErrorId.WriteFailed, () => _rig.Restore(_image.Id, "/mem/t", r => r with { ThrottleLimit = 1 }));
        Assert.Empty(volume.Writes);
    }

    [Fact]
    public void A_file_is_resumed_in_place()
    {
        string path = _rig.File("out");
        byte[] longer = [.. _content, 1, 2, 3];
        longer[0] ^= 1;
        File.WriteAllBytes(path, longer);
        RestoreResult result = _rig.Restore(_image.Id, path, r => r with { SkipUnchanged = true });
        Assert.Equal(_content, File.ReadAllBytes(path));
        Assert.Equal(_content.Length - Chunk, result.SkippedBytes);
        File.WriteAllBytes(path, _content[..Chunk]);
        _rig.Restore(_image.Id, path, r => r with { SkipUnchanged = true, VerifyTarget = true });
        Assert.Equal(_content, File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData(0)] // keeps nothing
    [InlineData(1)] // flips a bit in the last byte of each write
    public void A_target_that_lies_is_found_out(int how)
    {
        MemoryVolume volume = _rig.Volumes.Add("/mem/t", new byte[_content.Length]);
        volume.Kept = (offset, written) =>
        {
            if (how == 0)
                return offset / Chunk == 5 ? null : written;
            written[^1] ^= 0x10;
            return written;
        };
        _rig.Restore(_image.Id, "/mem/t", r => r with { ThrottleLimit = 1 });
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(_image.Id, "/mem/t", r => r with { VerifyTarget = true, ThrottleLimit = 1 }));
        Assert.Equal(ErrorId.VerifyFailed, e.Id);
        Assert.Contains(how == 0 ? $"offset {5 * Chunk}" : $"offset {Chunk - 1}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_corrupt_chunk_stops_it_with_its_offset_and_no_file_appears()
    {
        Corrupt(BlobId.Of(_content.AsSpan(5 * Chunk, Chunk)));
        ImageBackupException e = Assert.Throws<ImageBackupException>(() => _rig.Restore(_image.Id, _rig.File("out")));
        Assert.Equal(ErrorId.ChunkCorrupt, e.Id);
        Assert.Contains($"offset {5 * Chunk} ", e.Message, StringComparison.Ordinal);
        Assert.Equal(_image.Id, e.Target);
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(_rig.File("out"))!));
        VerifyResult verified = _rig.Verify(_image.Id);
        Assert.False(verified.IsWhole);
        Assert.Equal([new ByteRange(5 * Chunk, Chunk)], verified.DamagedRanges);
    }

    [Fact]
    public void Neighbouring_damage_is_one_range_and_repeats_are_found()
    {
        Corrupt(BlobId.Of(_content.AsSpan(0, Chunk)));
        Corrupt(BlobId.Of(_content.AsSpan(Chunk, Chunk)));
        Corrupt(BlobId.Of(_content.AsSpan(3 * Chunk, Chunk)));
        VerifyResult verified = _rig.Verify(_image.Id);
        Assert.Equal([new ByteRange(0, 2 * Chunk), new ByteRange(3 * Chunk, 2 * Chunk), new ByteRange(7 * Chunk, 2 * Chunk)], verified.DamagedRanges);
    }

    [Fact]
    public void A_missing_pack_stops_it_before_a_byte_is_written()
    {
        BlobIndex index = _rig.Repository.LoadIndex(CancellationToken.None);
        Assert.True(index.TryFind(BlobId.Of(_content.AsSpan(0, Chunk)), BlobType.Data, out BlobLocation found));
        foreach (string name in _rig.Memory.Names(StoredKind.Index))
            _rig.Memory.Delete(StoredKind.Index, name);
        var packs = index.Entries().GroupBy(e => e.Location.PackId).Where(g => g.Key != found.PackId)
            .Select(g => new IndexedPack(g.Key, g.Select(e => new PackEntry(e.Id, e.Location.Type, e.Location.OffsetBytes, e.Location.LengthBytes, e.Location.UncompressedLengthBytes)).ToList())).ToList();
        _rig.Repository.Files.SaveSealed(StoredKind.Index, IndexFile.Write(packs, []), 2, _rig.Repository.Sealers);
        MemoryVolume volume = _rig.Volumes.Add("/mem/t", new byte[_content.Length]);
        ImageBackupException e = Assert.ThrowsAny<ImageBackupException>(() => _rig.Restore(_image.Id, "/mem/t"));
        Assert.Equal(ErrorId.ChunkMissing, e.Id);
        Assert.Empty(volume.Writes);
        Assert.False(_rig.Verify(_image.Id).IsWhole);
    }

    private void Corrupt(BlobId id)
    {
        Assert.True(_rig.Repository.LoadIndex(CancellationToken.None).TryFind(id, BlobType.Data, out BlobLocation location));
        byte[] pack = _rig.Memory.Content(StoredKind.Pack, location.PackId.ToString());
        pack[location.OffsetBytes + location.LengthBytes / 2] ^= 0x40;
        _rig.Memory.Replace(StoredKind.Pack, location.PackId.ToString(), pack);
    }
}
