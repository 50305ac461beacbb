using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using ImageBackup.Engine.Images.Format;
using ImageBackup.Engine.Repository;
using ImageBackup.Engine.Repository.Blobs;
using ImageBackup.Engine.Repository.Indexes;
using ImageBackup.Engine.Repository.Maintenance;
using ImageBackup.Engine.Repository.Reading;
using ImageBackup.Engine.Repository.Snapshots;
using ImageBackup.Engine.Repository.Trees;
using ImageBackup.Engine.Repository.Writing;
using ImageBackup.Engine.Storage;
using ImageBackup.Tests.Kits.Repository;
using Xunit;

namespace ImageBackup.Tests.Unit.Repository.Trees;

/// <summary>Trees that are read part by part: what they say, what of a damaged one counts, what they take.</summary>
[Collection(HostileSumsTests.Memory)]
public sealed class TreeReadingTests : IDisposable
{
    private readonly ImageRepository _repository = TestRepository.Open(TestRepository.NewStorage());

    public void Dispose() => _repository.Dispose();

    private static BlobId IdOf(int number) => BlobId.Of(BitConverter.GetBytes(number));

    private static byte[] TreeOf(int chunkCount) => TreeBytes.Of(new TreeNode { Name = "volume.img", Type = "file", Content = [.. Enumerable.Range(0, chunkCount).Select(IdOf)] });

    /// <summary>Stores a blob under an id in a pack of its own, and says where.</summary>
    private BlobLocation Save(BlobId id, BlobType type, byte[] content)
    {
        var index = new BlobIndex();
        using var session = new RepositoryWriter(_repository.Files, _repository.Sealers, index, _repository.FormatVersion, CancellationToken.None);
        using (BlobWriter writer = session.OpenLane())
        {
            writer.Save(type, id, content);
            writer.Flush();
        }
        session.Finish();
        Assert.True(index.TryFind(id, type, out BlobLocation location));
        return location;
    }

    private List<BlobId> Parse(BlobId tree, BlobLocation location)
    {
        var found = new List<BlobId>(40_000);
        using var trees = new TreeReading(_repository);
        using BlobReader reader = trees.Open();
        trees.Parse(reader, tree, location, TreeFile.ReferenceParser((id, _) => found.Add(id)));
        return found;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40_000)]
    public void A_tree_says_what_it_said(int chunkCount)
    {
        byte[] json = TreeOf(chunkCount);
        BlobLocation location = Save(BlobId.Of(json), BlobType.Tree, json);
        Assert.Equal(Enumerable.Range(0, chunkCount).Select(IdOf), Parse(BlobId.Of(json), location));
    }

    [Fact]
    public void A_tree_that_is_not_what_its_id_says_is_damaged_whatever_it_says()
    {
        byte[] json = TreeOf(40_000);
        BlobId other = IdOf(-1);
        Assert.Equal(ErrorId.ChunkCorrupt, Assert.Throws<ImageBackupException>(() => Parse(other, Save(other, BlobType.Tree, json))).Id);
        // Not "is not a tree": what the id names may well be one.
        byte[] nonsense = Encoding.UTF8.GetBytes("nonsense");
        BlobId another = IdOf(-2);
        Assert.Equal(ErrorId.ChunkCorrupt, Assert.Throws<ImageBackupException>(() => Parse(another, Save(another, BlobType.Tree, nonsense))).Id);
        Assert.Throws<FormatException>(() => Parse(BlobId.Of(nonsense), Save(BlobId.Of(nonsense), BlobType.Tree, nonsense)));
    }

    /// <summary>What the damaged copy names is not missed: it is not what the image refers to.</summary>
    [Fact]
    public void What_only_a_damaged_copy_of_a_tree_names_is_not_lost()
    {
        byte[] json = TreeOf(1), wrong = TreeBytes.Of(new TreeNode { Name = "d", Type = "dir", Subtree = IdOf(77) }, new TreeNode { Name = "e", Type = "file", Content = [IdOf(78)] });
        BlobId tree = BlobId.Of(json);
        var index = new BlobIndex();
        index.Add(tree, Save(tree, BlobType.Tree, wrong));
        index.Add(tree, Save(tree, BlobType.Tree, json));
        index.Add(IdOf(0), Save(IdOf(0), BlobType.Data, BitConverter.GetBytes(0)));
        var snapshot = new SnapshotRecord { Time = DateTimeOffset.UnixEpoch, Tree = tree, Paths = ["/a"], HostName = "h", UserName = "u", Tags = [ImageTag.Name] };
        _repository.Files.SaveSealed(StoredKind.Snapshot, snapshot.Write(), _repository.FormatVersion, _repository.Sealers);
        using var used = new UsedBlobSet(_repository, index);
        used.Mark([.. _repository.Files.List(StoredKind.Snapshot)], null, CancellationToken.None);
        Assert.Empty(used.Lost);
        Assert.True(used.IsMarked(index.FirstNumber(IdOf(0), BlobType.Data)));
    }

    [Fact]
    public void A_large_tree_is_read_in_a_part_of_its_length()
    {
        byte[] json = TreeOf(40_000);
        BlobLocation location = Save(BlobId.Of(json), BlobType.Tree, json);
        using var trees = new TreeReading(_repository);
        using BlobReader reader = trees.Open();
        int count = 0;
        void Read() => trees.Parse(reader, BlobId.Of(json), location, TreeFile.ReferenceParser((_, _) => count++));
        // The array of the sealed bytes is there after the first time.
        Read();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Read();
        Assert.Equal(80_000, count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, json.Length / 4);
    }
}
