using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using ImageBackup.Engine.Backup;
using ImageBackup.Engine.Backup.Copy;
using ImageBackup.Engine.Backup.Map;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Catalog;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Images.Records;
using ImageBackup.Engine.Pipeline;
using ImageBackup.Engine.Platform;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;
using ImageBackup.Engine.Volumes;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Kits.Repository;
using ImageBackup.Tests.Kits.Storage;
using Xunit;

namespace ImageBackup.Tests.Unit.Backup.Copy;

/// <summary>Chunks that are known again by their tags: a shortcut that must never be seen in an image.</summary>
public sealed class ChunkTagTests : IDisposable
{
    private const int Chunk = JobRig.ChunkBytes;

    /// <summary>More chunks than one is proven of.</summary>
    private const int ChunkCount = ChangeDetector.ProveEvery + 8;

    private readonly JobRig _rig = new();
    private readonly byte[] _content = SeededBytes.Make(5, ChunkCount * Chunk);

    public ChunkTagTests() => _rig.Volumes.Add("/mem/a", _content);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void An_unchanged_volume_is_known_by_its_tags_which_are_not_stored_again()
    {
        ImageBackupInfo first = _rig.Backup("/mem/a");
        ImageBackupInfo second = _rig.Backup("/mem/a");
        Assert.Equal((ChunkCount, 0L), (first.NewChunkCount, second.NewChunkCount));
        Assert.Null(Snapshot(first.Id).Parent);
        Assert.Equal(first.Id, Snapshot(second.Id).Parent);
        Assert.Equal(Tags(first.Id).Content, Tags(second.Id).Content);
        Assert.Equal(Ids(first.Id), Ids(second.Id));
        _rig.AssertRestores(second.Id, _content);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    [Fact]
    public void What_changed_is_found_and_the_next_image_knows_it()
    {
        _rig.Backup("/mem/a");
        // One bit, the last byte of a chunk, a chunk that became zeros, one that was.
        byte[] changed = (byte[])_content.Clone();
        changed[3 * Chunk + 77] ^= 1;
        changed[6 * Chunk - 1] ^= 0x80;
        Array.Clear(changed, 8 * Chunk, Chunk);
        changed.CopyTo(_rig.Volumes.Add("/mem/a", new byte[changed.Length]).Content, 0);
        ImageBackupInfo second = _rig.Backup("/mem/a");
        Assert.Equal((2L, 1L), (second.NewChunkCount, second.ZeroChunkCount));
        _rig.AssertRestores(second.Id, changed);
        _content.CopyTo(_rig.Volumes.Add("/mem/a", new byte[changed.Length]).Content, 0);
        ImageBackupInfo third = _rig.Backup("/mem/a");
        Assert.Equal(0, third.NewChunkCount);
        _rig.AssertRestores(third.Id, _content);
    }

    [Theory]
    [InlineData(ChunkCount * Chunk + 5 * Chunk)]
    [InlineData(ChunkCount * Chunk - 5 * Chunk)]
    [InlineData(ChunkCount * Chunk - 1)]
    public void A_volume_of_another_size_is_known_as_far_as_it_is_the_same(int lengthBytes)
    {
        _rig.Backup("/mem/a");
        byte[] content = SeededBytes.Make(6, lengthBytes);
        _content.AsSpan(0, Math.Min(lengthBytes, _content.Length)).CopyTo(content);
        _rig.Volumes.Add("/mem/a", content);
        ImageBackupInfo second = _rig.Backup("/mem/a");
        Assert.Equal(lengthBytes > _content.Length ? 5 : lengthBytes % Chunk == 0 ? 0 : 1, second.NewChunkCount);
        _rig.AssertRestores(second.Id, content);
    }

    [Fact]
    public void With_another_chunk_size_nothing_is_compared()
    {
        _rig.Backup("/mem/a");
        ImageBackupInfo second = _rig.Backup("/mem/a", request => request with { ChunkSizeBytes = 2 * Chunk });
        Assert.Null(Snapshot(second.Id).Parent);
        _rig.AssertRestores(second.Id, _content);
    }

    [Fact]
    public void With_another_chunk_size_an_older_image_in_that_size_is_compared()
    {
        ImageBackupInfo first = _rig.Backup("/mem/a");
        ImageBackupInfo other = _rig.Backup("/mem/a", request => request with { ChunkSizeBytes = 2 * Chunk });
        _content[0] ^= 1;
        ImageBackupInfo third = _rig.Backup("/mem/a", request => request with { ChunkSizeBytes = Chunk });
        Assert.Equal((first.Id, 1L), (Snapshot(third.Id).Parent, third.NewChunkCount));
        ImageBackupInfo fourth = _rig.Backup("/mem/a", request => request with { ChunkSizeBytes = 2 * Chunk });
        Assert.Equal((other.Id, 1L), (Snapshot(fourth.Id).Parent, fourth.NewChunkCount));
        // Not asked for: the newest one's.
        ImageBackupInfo fifth = _rig.Backup("/mem/a", request => request with { ChunkSizeBytes = null });
        Assert.Equal((fourth.Id, 0L, 2 * Chunk), (Snapshot(fifth.Id).Parent, fifth.NewChunkCount, fifth.ChunkSizeBytes));
        _rig.AssertRestores(third.Id, _content);
        _rig.AssertRestores(fourth.Id, _content);
        TestRepository.AssertHealthy(_rig.Repository);
    }

    /// <summary>A default that another version has must not make a volume be stored anew; who asks for a size gets it.</summary>
    [Fact]
    public void A_backup_keeps_to_the_chunk_size_of_the_image_before()
    {
        ImageBackupInfo first = _rig.Backup("/mem/a");
        ImageBackupInfo second = _rig.Backup("/mem/a", request => request with { ChunkSizeBytes = null });
        Assert.Equal((Chunk, 0L), (second.ChunkSizeBytes, second.NewChunkCount));
        Assert.Equal(first.Id, Snapshot(second.Id).Parent);
        ImageBackupInfo other = _rig.Backup("/mem/a", request => request with { ChunkSizeBytes = 4 * Chunk });
        Assert.Equal(4 * Chunk, other.ChunkSizeBytes);
        Assert.Equal(4 * Chunk, _rig.Backup("/mem/a", request => request with { ChunkSizeBytes = null }).ChunkSizeBytes);
        // Another volume has no image before: its size decides.
        _rig.Volumes.Add("/mem/b", _content);
        Assert.Equal(256 << 10, _rig.Backup("/mem/b", request => request with { ChunkSizeBytes = null }).ChunkSizeBytes);
    }

    [Fact]
    public void Another_volumes_or_computers_image_is_not_asked()
    {
        _rig.Backup("/mem/a", request => request with { ComputerName = "other" });
        _rig.Volumes.Add("/mem/b", _content);
        Assert.Null(Snapshot(_rig.Backup("/mem/b").Id).Parent);
        Assert.Null(Snapshot(_rig.Backup("/mem/a").Id).Parent);
    }

    /// <summary>A tag that is equal is believed: this is where the time is saved.</summary>
    [Fact]
    public void A_known_tag_stands_for_the_hash()
    {
        ImageBackupInfo first = _rig.Backup("/mem/a");
        Rewrite(first.Id, bytes => bytes.AsSpan(4 * ChunkTagsFile.RecordBytes, BlobId.SizeBytes).CopyTo(bytes.AsSpan(3 * ChunkTagsFile.RecordBytes)));
        BlobId[] ids = Copy(proven: 9);
        BlobId[] expected = Ids(first.Id);
        Assert.Equal(expected[4], ids[3]);
        expected[3] = expected[4];
        Assert.Equal(expected, ids);
        // And the one that is proven is not.
        Assert.Throws<ChunkTagMismatchException>(() => Copy(proven: 3));
    }

    /// <summary>Whichever chunks are proven this time, one of them is wrong: the image is made without the tags, and says so.</summary>
    [Fact]
    public void Tags_beside_other_chunks_ids_are_found_out()
    {
        ImageBackupInfo first = _rig.Backup("/mem/a");
        Rewrite(first.Id, bytes =>
        {
            for (int record = 0; record < ChunkCount - 1; record++)
                bytes.AsSpan((record + 1) * ChunkTagsFile.RecordBytes, BlobId.SizeBytes).CopyTo(bytes.AsSpan(record * ChunkTagsFile.RecordBytes));
        });
        ImageBackupInfo second = _rig.Backup("/mem/a");
        Assert.Contains(second.Warnings, warning => warning.Contains("stands beside another chunk's id", StringComparison.Ordinal));
        Assert.Null(Snapshot(second.Id).Parent);
        Assert.Equal(0, second.NewChunkCount);
        Assert.Equal(Ids(first.Id), Ids(second.Id));
        _rig.AssertRestores(second.Id, _content);
        // The next one has good tags again.
        ImageBackupInfo third = _rig.Backup("/mem/a");
        Assert.Equal((second.Id, 0), (Snapshot(third.Id).Parent, OtherWarnings.OtherWarningsOf(third).Count));
    }

    /// <summary>What the given-up copy had put into its open pack is gone with it, and must be stored by the second one.</summary>
    [Fact]
    public void What_was_stored_before_the_tags_were_found_out_is_in_the_image()
    {
        ImageBackupInfo first = _rig.Backup("/mem/a");
        Rewrite(first.Id, bytes =>
        {
            // From the second chunk on: the first changes.
            for (int record = 1; record < ChunkCount - 1; record++)
                bytes.AsSpan((record + 1) * ChunkTagsFile.RecordBytes, BlobId.SizeBytes).CopyTo(bytes.AsSpan(record * ChunkTagsFile.RecordBytes));
        });
        byte[] changed = (byte[])_content.Clone();
        changed[5] ^= 1;
        _rig.Volumes.Add("/mem/a", changed);
        ImageBackupInfo second = _rig.Backup("/mem/a", request => request with { ThrottleLimit = 1 });
        Assert.Equal((1L, 1), (second.NewChunkCount, OtherWarnings.OtherWarningsOf(second).Count));
        TestRepository.AssertHealthy(_rig.Repository);
        _rig.AssertRestores(second.Id, changed);
    }

    [Fact]
    public void A_known_chunk_that_is_gone_from_the_repository_is_stored_again()
    {
        _rig.Backup("/mem/a");
        foreach (string pack in _rig.Memory.Names(StoredKind.Pack).OrderByDescending(name => _rig.Memory.Load(StoredKind.Pack, name, int.MaxValue).Length).Take(1))
            _rig.Memory.Delete(StoredKind.Pack, pack);
        ImageBackupInfo second = _rig.Backup("/mem/a");
        Assert.True(second.NewChunkCount > 0);
        _rig.AssertRestores(second.Id, _content);
    }

    [Theory]
    [InlineData("header")]
    [InlineData("part")]
    [InlineData("length")]
    [InlineData("absent")]
    [InlineData("other key")]
    [InlineData("no id")]
    public void Tags_that_are_damaged_only_cost_time(string damage)
    {
        ImageBackupInfo first = _rig.Backup("/mem/a");
        Rewrite(first.Id, damage switch
        {
            "part" => bytes => bytes.AsSpan().Fill(0xa5),
            _ => _ => { },
        }, damage switch
        {
            "header" => bytes => bytes[3] ^= 1,
            "length" => bytes => bytes[13]++,
            "other key" => bytes => bytes[25] ^= 1,
            _ => _ => { },
        }, damage switch
        {
            "absent" => BlobId.Of("absent"u8).ToString(),
            "no id" => "../../etc/passwd",
            _ => null,
        });
        ImageBackupInfo second = _rig.Backup("/mem/a");
        Assert.Equal((0L, 0), (second.NewChunkCount, OtherWarnings.OtherWarningsOf(second).Count));
        Assert.Equal(Ids(first.Id), Ids(second.Id));
        _rig.AssertRestores(second.Id, _content);
        Assert.NotEmpty(Tags(second.Id).Content);
    }

    /// <summary>The storage fails where the tags lie: hashed, not ended.</summary>
    [Fact]
    public void Tags_that_cannot_be_read_only_cost_time()
    {
        _rig.Backup("/mem/a");
        _rig.Storage.Reset();
        _rig.Backup("/mem/a");
        List<StorageCall> reads = [.. _rig.Storage.Calls.Where(c => c is { Operation: StorageOperation.ReadAt, Kind: StoredKind.Pack })];
        Assert.NotEmpty(reads);
        foreach (StorageCall failing in reads)
        {
            _rig.Storage.Reset();
            _rig.Storage.Script = call => call == failing ? new StorageFault(StorageProblem.ReadError, FaultMoment.Before) : null;
            ImageBackupInfo image = _rig.Backup("/mem/a");
            Assert.Equal((1, 0L), (_rig.Storage.FaultCount, image.NewChunkCount));
            _rig.Storage.Reset();
            _rig.AssertRestores(image.Id, _content);
        }
    }

    /// <summary>Who works in a repository for long reads each snapshot once, however many volumes follow.</summary>
    [Fact]
    public void Snapshots_that_were_read_are_not_read_again()
    {
        for (int i = 0; i < 5; i++)
            _rig.Backup("/mem/a");
        var traces = new SnapshotHeaderCache(_rig.Repository);
        var request = new BackupRequest { Volume = _rig.Volumes.Find("/mem/a"), ChunkSizeBytes = Chunk };
        int Loads()
        {
            _rig.Storage.Reset();
            new BackupJob(_rig.Repository, _rig.Volumes) { Traces = traces }.Run(request, null, CancellationToken.None);
            return _rig.Storage.Calls.Count(c => c is { Operation: StorageOperation.Load, Kind: StoredKind.Snapshot });
        }
        // All of them, and the parent as a whole.
        Assert.Equal(5 + 1, Loads());
        Assert.Equal(1 + 1, Loads());
        _rig.Storage.Reset();
        new EnforcedPolicyStore(_rig.Repository, traces).Load(null, CancellationToken.None);
        Assert.Equal(1, _rig.Storage.Calls.Count(c => c is { Operation: StorageOperation.Load, Kind: StoredKind.Snapshot }));
    }

    [Fact]
    public void The_file_is_what_the_format_page_says()
    {
        var header = new ChunkTagsFile.Header(1 << 20, 4098, SeededBytes.Make(1, 32));
        byte[] bytes = ChunkTagsFile.Write(header);
        Assert.Equal("IBCTAGS1"u8.ToArray(), bytes[..8]);
        Assert.Equal([0, 0, 16, 0, 2, 16, 0, 0, 0, 0, 0, 0], bytes[8..20]);
        Assert.Equal(header.Key, bytes[20..]);
        ChunkTagsFile.Header read = ChunkTagsFile.ReadHeader(bytes);
        Assert.Equal((header.ChunkSizeBytes, header.ChunkCount, 2L, 52 + 4098 * 48L), (read.ChunkSizeBytes, read.ChunkCount, read.PartCount, read.FileBytes));

        BlobId[] ids = Enumerable.Range(0, 4098).Select(i => BlobId.Of(BitConverter.GetBytes(i))).ToArray();
        ChunkTag[] tags = Enumerable.Range(0, 4098).Select(i => new ChunkTag((ulong)i, i == 0 ? 0UL : 7)).ToArray();
        byte[][] parts = ChunkTagsFile.WriteParts(header, ids, tags).Select(part => part.ToArray()).ToArray();
        Assert.Equal([4096 * 48, 2 * 48], parts.Select(p => p.Length));
        Assert.Equal(default, ChunkTagsFile.Record(parts[0], 0));
        Assert.Equal(new KnownChunk(ids[4095], tags[4095]), ChunkTagsFile.Record(parts[0], 4095));
        Assert.Equal(new KnownChunk(ids[4097], tags[4097]), ChunkTagsFile.Record(parts[1], 1));
        byte[] record = parts[1][48..];
        Assert.Equal((ids[4097], tags[4097]), (new BlobId(record), new ChunkTag(record.AsSpan(32))));
    }

    private BlobIndex Index() => _rig.Repository.LoadIndex(CancellationToken.None);

    private SnapshotRecord Snapshot(string id) => ImageContent.LoadSnapshot(_rig.Repository, id);

    private TreeNode Tags(string id)
    {
        ImageMetadata metadata = ImageMetadataJson.Read(Snapshot(id).Summary)!;
        Assert.True(BlobId.TryParse(metadata.ChunkTags, out BlobId folder));
        TreeNode inTree = Assert.Single(TreeWalk.Load(_rig.Repository, Index(), Snapshot(id).Tree), n => n.Type == "dir");
        Assert.Equal(("tags", folder), (inTree.Name, inTree.Subtree));
        return Assert.Single(TreeWalk.Load(_rig.Repository, Index(), folder));
    }

    private BlobId[] Ids(string id) => TreeWalk.Load(_rig.Repository, Index(), Snapshot(id).Tree).Single(n => n.Name == "volume.img").Content.ToArray();

    /// <summary>Puts other tags in an image's place, rightly sealed and named.</summary>
    private void Rewrite(string id, Action<byte[]> changePart, Action<byte[]>? changeHeader = null, string? folder = null)
    {
        ImageRepository repository = _rig.Repository;
        BlobIndex index = Index();
        SnapshotRecord snapshot = Snapshot(id);
        byte[] content = ImageContent.ReadFile(repository, index, Tags(id));
        byte[] header = content[..ChunkTagsFile.HeaderBytes], part = content[ChunkTagsFile.HeaderBytes..];
        changeHeader?.Invoke(header);
        changePart(part);
        using var session = new RepositoryWriter(repository.Files, repository.Sealers, index, repository.FormatVersion, CancellationToken.None);
        using (BlobWriter lane = session.OpenLane())
        {
            TreeNode file = ImageFiles.Save(lane, "chunk.tags", new[] { new ArraySegment<byte>(header), new ArraySegment<byte>(part) }, snapshot.Time);
            folder ??= ImageFiles.SaveTree(lane, [file]).ToString();
            lane.Flush();
        }
        session.Finish();
        ImageMetadata metadata = ImageMetadataJson.Read(snapshot.Summary)! with { ChunkTags = folder };
        SnapshotRecord changed = snapshot with { Time = snapshot.Time.AddMilliseconds(1), Summary = ImageMetadataJson.WriteSummary(metadata) };
        repository.Files.SaveSealed(StoredKind.Snapshot, changed.Write(), repository.FormatVersion, repository.Sealers);
    }

    private BlobId[] Copy(int proven)
    {
        BlobIndex index = Index();
        var geometry = new ChunkGeometry(_content.Length, Chunk);
        var query = new VolumeHistoryQuery(LocalHost.Name, "/mem/a", VolumeIdentity.None, HasTwins: false);
        VolumeHistory history = PreviousImage.Find(_rig.Repository, new SnapshotHeaderCache(_rig.Repository), query, DateTimeOffset.Now, CancellationToken.None);
        using ParentImage parent = ParentImage.Open(_rig.Repository, history.Newest!, index, text => Assert.Fail(text))!;
        using var session = new RepositoryWriter(_rig.Repository.Files, _rig.Repository.Sealers, index, _rig.Repository.FormatVersion, CancellationToken.None);
        var tagging = new ChangeDetector(parent.Header, parent, proven);
        using IBlockReader volume = _rig.Volumes.OpenRead(_rig.Volumes.Find("/mem/a"), VolumeOpenMode.Exclusive);
        var copy = new BackupCopy(new MappedVolume(volume, geometry, new UsedMap { Used = UsedRanges.Whole(_content.Length) }), session, tagging, workerCount: 1);
        return copy.Run(new ProgressMeter(null, "", JobPhase.Copying, _content.Length), CancellationToken.None).Ids;
    }
}
