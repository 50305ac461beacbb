using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ImageBackup.Engine.Blocks;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Images.Reading;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Locks;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits;
using ImageBackup.Tests.Unit.Backup;
using Xunit;

namespace ImageBackup.Tests.Unit.Images.Reading;

/// <summary>Any part of an image, from any thread: the right bytes, each chunk read once, nothing for what is zero, and damage only where it is.</summary>
public sealed class ImageBlockReaderTests : IDisposable
{
    private const int Chunk = JobRig.ChunkBytes;

    private readonly JobRig _rig = new();

    public void Dispose() => _rig.Dispose();

    private ImageContent Image(byte[] content)
    {
        _rig.Volumes.Add("/mem/a", content);
        string id = _rig.Backup("/mem/a", r => r with { ThrottleLimit = 1 }).Id;
        return Load(id);
    }

    private ImageContent Load(string id) => ImageContent.Load(_rig.Repository, id, _rig.Repository.LoadIndex(CancellationToken.None), CancellationToken.None);

    /// <summary>restic's record of one file, in chunks of many lengths.</summary>
    private string SaveForeign(byte[] content, IReadOnlyList<int> lengths)
    {
        CancellationToken none = CancellationToken.None;
        _rig.Volumes.Add("/mem/model", JobRig.Content("x"));
        SnapshotRecord model = ImageContent.LoadSnapshot(_rig.Repository, _rig.Backup("/mem/model").Id);
        BlobIndex index = _rig.Repository.LoadIndex(none);
        using RepositoryLock held = _rig.Repository.Lock(isExclusive: false, none);
        BlobId tree;
        using (var session = new RepositoryWriter(_rig.Repository.Files, _rig.Repository.Sealers, index, _rig.Repository.FormatVersion, held.Lost))
        {
            using (BlobWriter lane = session.OpenLane())
            {
                IEnumerable<ArraySegment<byte>> Parts()
                {
                    int at = 0;
                    foreach (int length in lengths)
                    {
                        yield return new ArraySegment<byte>(content, at, length);
                        at += length;
                    }
                }
                tree = ImageFiles.SaveTree(lane, [ImageFiles.Save(lane, "disk.img", Parts(), DateTimeOffset.UnixEpoch)]);
                lane.Flush();
            }
            session.Finish();
        }
        return _rig.Repository.Files.SaveSealed(StoredKind.Snapshot, (model with { Tree = tree, Summary = null, Tags = [] }).Write(), _rig.Repository.FormatVersion, _rig.Repository.Sealers);
    }

    private static void AssertReads(ImageBlockReader reader, byte[] content, int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 100; i++)
        {
            int offset = random.Next(content.Length + 10);
            var buffer = new byte[random.Next(1, 3 * Chunk)];
            random.NextBytes(buffer);
            int expected = Math.Max(0, Math.Min(buffer.Length, content.Length - offset));
            Assert.Equal(expected, reader.ReadAt(offset, buffer));
            Assert.True(content.AsSpan(Math.Min(offset, content.Length), expected).SequenceEqual(buffer.AsSpan(0, expected)), $"{expected} bytes at {offset} differ.");
        }
    }

    [Fact]
    public void AnyPartIsRead()
    {
        byte[] content = JobRig.Content("ab0cda00e0", 777);
        // The cache holds two chunks: nearly all reads evict.
        using var reader = new ImageBlockReader(_rig.Repository, Image(content), cacheBytes: 2 * Chunk);
        AssertReads(reader, content, 1);
        Parallel.For(0, 8, i => AssertReads(reader, content, i));
    }

    [Fact]
    public void ResticsChunksOfAllLengthsAreRead()
    {
        int[] lengths = [1, 70_000, 3, 512, 100_000, 65_536, 1, 40_000];
        byte[] content = SeededBytes.Make(5, lengths.Sum());
        using var reader = new ImageBlockReader(_rig.Repository, Load(SaveForeign(content, lengths)));
        AssertReads(reader, content, 1);
        Assert.Equal(new ByteRange(12, content.Length - 12), reader.NextData(12));
    }

    [Fact]
    public void ZerosCostNothing()
    {
        byte[] content = JobRig.Content("0000a000");
        using var reader = new ImageBlockReader(_rig.Repository, Image(content));
        var buffer = new byte[4 * Chunk];
        new Random(1).NextBytes(buffer);
        Assert.Equal(buffer.Length, reader.ReadAt(0, buffer));
        Assert.False(buffer.AsSpan().ContainsAnyExcept((byte)0));
        Assert.Equal(0, reader.LoadCount);
        Assert.Equal(new ByteRange(4 * Chunk, Chunk), reader.NextData(0));
        Assert.Equal(new ByteRange(4 * Chunk + 5, Chunk - 5), reader.NextData(4 * Chunk + 5));
        Assert.Null(reader.NextData(5 * Chunk));
        Assert.Null(reader.NextData(content.Length));
        Assert.Equal(0, reader.LoadCount);
    }

    [Fact]
    public async Task AChunkThatManyWantIsReadOnce()
    {
        byte[] content = JobRig.Content("ab");
        using var reader = new ImageBlockReader(_rig.Repository, Image(content));
        using var start = new Barrier(8);
        Task[] readers = [.. Enumerable.Range(0, 8).Select(i => Task.Factory.StartNew(
            () =>
            {
                var buffer = new byte[100];
                start.SignalAndWait();
                Assert.Equal(100, reader.ReadAt(i * 1000, buffer));
                Assert.True(content.AsSpan(i * 1000, 100).SequenceEqual(buffer));
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        await Task.WhenAll(readers);
        Assert.Equal(1, reader.LoadCount);
    }

    [Fact]
    public void TheChunksThatWereReadLastAreKept()
    {
        using var reader = new ImageBlockReader(_rig.Repository, Image(JobRig.Content("abcdef")), cacheBytes: 2 * Chunk);
        var buffer = new byte[10];
        // Backwards: nothing follows, so nothing is read ahead.
        foreach (int chunk in new[] { 5, 3, 5, 3 })
            reader.ReadAt(chunk * (long)Chunk, buffer);
        Assert.Equal(2, reader.LoadCount);
        // 1 takes the place of 5, which was asked for longest ago.
        foreach (int chunk in new[] { 1, 3, 1, 5 })
            reader.ReadAt(chunk * (long)Chunk, buffer);
        Assert.Equal(4, reader.LoadCount);
    }

    [Fact]
    public void WhatFollowsIsReadAhead()
    {
        byte[] content = JobRig.Content("abcdefgh");
        using var reader = new ImageBlockReader(_rig.Repository, Image(content));
        var buffer = new byte[10];
        reader.ReadAt(0, buffer);
        Assert.Equal(1, reader.LoadCount);
        reader.ReadAt(Chunk, buffer);
        Assert.True(SpinWait.SpinUntil(() => reader.LoadCount == 4, TimeSpan.FromSeconds(30)), $"{reader.LoadCount} chunks were read.");
        AssertReads(reader, content, 3);
        Assert.Equal(8, reader.LoadCount);
    }

    [Fact]
    public void DamageIsAnErrorOfItsRangeOnly()
    {
        byte[] content = JobRig.Content("abcd");
        ImageContent image = Image(content);
        BlobLocation at = image.ChunkAt(2 * Chunk).Location!.Value;
        byte[] pack = _rig.Memory.Content(StoredKind.Pack, at.PackId.ToString());
        pack[at.OffsetBytes + 100] ^= 1;
        _rig.Memory.Replace(StoredKind.Pack, at.PackId.ToString(), pack);
        using var reader = new ImageBlockReader(_rig.Repository, image);
        var buffer = new byte[Chunk];
        for (int round = 0; round < 2; round++)
        {
            foreach (int chunk in new[] { 0, 1, 3 })
            {
                Assert.Equal(Chunk, reader.ReadAt(chunk * (long)Chunk, buffer));
                Assert.True(content.AsSpan(chunk * Chunk, Chunk).SequenceEqual(buffer));
            }
            BlockReadException damage = Assert.Throws<BlockReadException>(() => reader.ReadAt(2 * Chunk + 5, buffer));
            Assert.Equal((2L * Chunk, (long)Chunk, false), (damage.OffsetBytes, damage.LengthBytes, damage.IsGone));
        }
    }
}
